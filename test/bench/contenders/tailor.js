// Zalando's Tailor composes HTML and streams it. Here the page is kept, its fragments are found in it, and their digest is
// the answer, so that it can be checked like the others'. For fragments of text only.
import { Writable } from 'node:stream';
import Tailor from 'node-tailor';
import { digest, fragments } from '../lib/payload.js';

/** What Tailor takes for the response. */
class Kept extends Writable {
  #chunks = [];

  writeHead(status) {
    this.statusCode = status;
  }

  _write(chunk, _encoding, done) {
    this.#chunks.push(chunk);
    done();
  }

  toString() {
    return Buffer.concat(this.#chunks).toString();
  }
}

export default (urls) => {
  const template = urls.map((url) => `<fragment src="${url}"></fragment>`).join('');
  let parsed = null;
  const tailor = new Tailor({
    fetchTemplate: async (_request, parse) => {
      parsed ??= await parse(`<!doctype html><html><head></head><body>${template}</body></html>`);
      return parsed;
    },
  });
  return (req, res, next) => {
    const html = new Kept();
    html.on('error', next);
    html.on('finish', () => res.json(digest(fragments(html.toString()))));
    tailor.requestHandler(req, html);
  };
};
