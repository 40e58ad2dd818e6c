// The page whose answer is the data of all its upstreams, in code.
import { createMashup } from '../../../dist/index.js';
import { digest } from '../lib/payload.js';

/** What every contender answers with, made of what is given to `res.json`. */
export function digested(_req, res, next) {
  res.json = (data) => Object.getPrototypeOf(res).json.call(res, digest(Object.values(data)));
  next();
}

export default (urls, config) => {
  const names = urls.map((_, index) => `upstream${index}`);
  const upstreams = Object.fromEntries(names.map((name, index) => [name, urls[index]]));
  const handler = (_req, res) => {
    res.json(Object.fromEntries(names.map((name) => [name, res.locals[name]])));
  };
  return [digested, createMashup(config.settings)(upstreams, { serverTiming: false }), handler];
};
