// The limit: nothing but undici's `dispatch`, with no promise, no deadline, no size cap, and nobody told when a client leaves.
import { gunzip } from 'node:zlib';
import { Agent } from 'undici';
import { digest } from '../lib/payload.js';

class Call {
  constructor(page, index) {
    this.page = page;
    this.index = index;
    this.body = null;
  }

  onConnect() {}

  onHeaders(status) {
    if (status !== 200) this.page.fail(new Error(`Status ${status}`));
    return true;
  }

  onData(chunk) {
    this.body = this.body ? Buffer.concat([this.body, chunk]) : chunk;
    return true;
  }

  onComplete() {
    this.page.settle(this.index, this.body);
  }

  onError(error) {
    this.page.fail(error);
  }
}

class Page {
  constructor(count, res, next) {
    this.list = new Array(count);
    this.left = count;
    this.res = res;
    this.next = next;
  }

  settle(index, body) {
    this.list[index] = this.parse(body);
    if (--this.left === 0) this.res.json(digest(this.list));
  }

  parse(body) {
    return JSON.parse(body.toString());
  }

  fail(error) {
    if (this.left > 0) this.next(error);
    this.left = 0;
  }
}

class TextPage extends Page {
  parse(body) {
    return body.toString();
  }
}

class ZippedPage extends Page {
  settle(index, body) {
    gunzip(body, (error, text) => {
      if (error) this.fail(error);
      else super.settle(index, text);
    });
  }
}

/** A page whose calls are handled by `Handler`. */
export function over(Handler, urls, { type, gzip }) {
  const agent = new Agent();
  const headers = gzip ? { 'accept-encoding': 'gzip' } : undefined;
  const requests = urls.map((url) => {
    const { origin, pathname } = new URL(url);
    return { origin, path: pathname, method: 'GET', headers };
  });
  const Kind = gzip ? ZippedPage : type === 'text' ? TextPage : Page;
  return (_req, res, next) => {
    const page = new Kind(requests.length, res, next);
    for (let index = 0; index < requests.length; index++) agent.dispatch(requests[index], new Handler(page, index));
  };
}

export default (urls, config) => over(Call, urls, config);
