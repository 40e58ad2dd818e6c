import type { Response } from 'express';
import { PageStream, prepare, type SendOptions, warnOfRendering } from './stream.js';
import type { Html } from './values.js';

/**
 * Sends a page, and fills in what is late as it comes. Nothing is rendered for HEAD, nor for a 304. An error of the page is
 * `next(error)` where nothing has been sent yet; later, the response is cut, lest half a page pass for a whole.
 *
 * @throws {Error} if a page has been sent already
 */
export function send(res: Response, page: Html, options: SendOptions = {}): void {
  stream(res, options, (stream) => stream.send(page));
}

/** Responses that have been given a page. */
const sent = new WeakSet<Response>();

/** Lets a stream be written, and says what becomes of its errors. */
export function stream(res: Response, options: SendOptions, write: (stream: PageStream) => Promise<void>): void {
  const { req } = res;
  if (sent.has(res) || res.writableEnded) throw new Error('the response has been sent already');
  sent.add(res);
  if (req.method === 'HEAD' || res.statusCode === 304) return void prepare(res).end();
  write(new PageStream(res, options)).catch((error: unknown) => {
    // Nobody waits for it any more.
    if (res.closed) return;
    if (!res.headersSent && req.next !== undefined) {
      // An error handler may send a page of its own.
      sent.delete(res);
      return req.next(error);
    }
    warnOfRendering('a page', error);
    res.destroy();
  });
}
