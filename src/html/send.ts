import type { Response } from 'express';
import { PageStream, prepare, type SendOptions } from './stream.js';
import type { Html } from './values.js';

/**
 * Sends a page, and fills in what is late as it comes. Nothing is rendered for HEAD, nor for a 304. An error of the page is
 * `next(error)` where nothing has been sent yet; later, the response is cut, lest half a page pass for a whole.
 */
export function send(res: Response, page: Html, options: SendOptions = {}): void {
  stream(res, options, (stream) => stream.send(page));
}

/** Lets a stream be written, and says what becomes of its errors. */
export function stream(res: Response, options: SendOptions, write: (stream: PageStream) => Promise<void>): void {
  const { req } = res;
  if (req.method === 'HEAD' || res.statusCode === 304) return void prepare(res).end();
  write(new PageStream(res, options)).catch((error: unknown) => {
    // Nobody waits for it any more.
    if (res.closed) return;
    if (res.headersSent || req.next === undefined) res.destroy();
    else req.next(error);
  });
}
