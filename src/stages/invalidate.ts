import type { Result } from '../answer/answer.js';
import { staleGroups, staleUrls } from '../cache/groups.js';
import { groupTag, markOf } from '../cache/marks.js';
import { Failure } from '../errors.js';
import type { UpstreamRequest } from '../transport/http-request.js';
import { Fork, type Job, type Stage } from './stage.js';

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Makes stale what is stored of a URL that a request may have changed (RFC 9111, section 4.4). */
export const invalidateStage: Stage<true> = {
  name: 'invalidate',
  options: ({ method, safe }) => (safe || safeMethods.has(method) ? null : true),
  wrap: (_options, next) =>
    function invalidating(job, request) {
      // Where an axios instance completes the URL, nothing is cached.
      if (request.origin === '') return next(job, request);
      const changing = new Changing(job, request);
      job.hold(changing);
      next(changing, request);
    },
};

class Changing extends Fork {
  readonly #request: UpstreamRequest;

  constructor(parent: Job, request: UpstreamRequest) {
    super(parent);
    this.#request = request;
  }

  settle(result: Result): void {
    if (!(result instanceof Failure) && result.status >= 200 && result.status < 400) {
      const { origin, path } = this.#request;
      const urls = staleUrls(origin + path, result).map((url) => markOf('url', url));
      const groups = staleGroups(result).map((group) => markOf('tag', groupTag(origin, group)));
      void this.scope.instance.cache.mark('stale', [...urls, ...groups]);
    }
    this.finish(result);
  }
}
