import type { Response } from 'express';

/**
 * Node's own last step before a head. It is not in Node's documentation, but all that is documented comes too early:
 * express-session and cookie-session set their cookies inside `writeHead`, and so after whoever wraps it later.
 */
interface LastStep {
  _storeHeader?: (...args: unknown[]) => unknown;
}

/** Calls `look` with the status when all headers are set, and can still be changed. */
export function beforeHead(res: Response, look: (res: Response, status: number) => void): void {
  const { _storeHeader: store } = res as LastStep;
  if (typeof store === 'function') {
    (res as LastStep)._storeHeader = function storeHeaderOfPage(...args) {
      look(res, res.statusCode);
      return Reflect.apply(store, res, args);
    };
    return;
  }
  // A response that is not Node's for HTTP/1.1.
  const { writeHead } = res;
  res.writeHead = function writeHeadOfPage(this: Response, ...args: unknown[]) {
    if (!res.headersSent) look(res, typeof args[0] === 'number' ? args[0] : res.statusCode);
    return Reflect.apply(writeHead, this, args);
  } as typeof writeHead;
}
