import type { RequestHandler, Response } from 'express';
import { HttpError } from './http-error.js';

const longest = 10_000;

/**
 * Lets a request make one service sick. `?slow=weather:3000` delays weather by that many milliseconds (10 seconds at the
 * most); `?fail=weather` makes it answer 500, `?fail=weather:503` that status, `?fail=weather:reset` cuts the connection.
 * Several go in a comma list or by repeating the parameter; a service leaves those for others alone.
 */
export function sick(name: string): RequestHandler {
  return function maybeSick(req, res, next) {
    const slow = ask(req.query['slow'], name);
    const fail = ask(req.query['fail'], name);

    if (slow !== undefined && !/^\d{1,9}$/.test(slow)) {
      throw new HttpError(400, `slow=${name} takes milliseconds, as in slow=${name}:3000`);
    }
    if (fail !== undefined && !/^([45]\d\d|reset|)$/.test(fail)) {
      throw new HttpError(400, `fail=${name} takes a status from 400 to 599, or "reset"`);
    }

    function goOn(): void {
      if (fail === undefined) next();
      else if (fail === 'reset') res.socket?.resetAndDestroy();
      else next(new HttpError(Number(fail || 500), `${name} is sick, as you asked`));
    }

    if (slow === undefined) goOn();
    else later(Math.min(Number(slow), longest), res, goOn);
  };
}

/** Waits, and goes on only if the client is still there. */
export function later(milliseconds: number, res: Response, goOn: () => void): void {
  const timer = setTimeout(goOn, milliseconds);
  res.once('close', () => clearTimeout(timer));
}

// What the query asks of this service: 'weather:3000,news' gives '3000' to weather, '' to news, undefined to the rest.
function ask(value: unknown, name: string): string | undefined {
  const wishes = [value].flat().flatMap((item) => (typeof item === 'string' ? item.split(',') : []));
  const wish = wishes.find((item) => item === name || item.startsWith(`${name}:`));
  return wish?.slice(name.length + 1);
}
