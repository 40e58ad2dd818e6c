import type { Answer, Result } from '../answer/answer.js';
import { WireAnswer } from '../answer/wire-answer.js';
import { staleGroups, staleUrls } from '../cache/groups.js';
import { groupTag, markOf, urlMark } from '../cache/marks.js';
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
    const marks = result instanceof Failure ? [] : this.#marksOf(result);
    if (marks.length > 0) void this.scope.instance.cache.mark('stale', marks);
    this.finish(result);
  }

  #marksOf(result: Answer): string[] {
    // What redirected it has done its part, whatever came of the redirect.
    const via = result instanceof WireAnswer ? result.via : [];
    const urls = via.flatMap(({ url, answer }) => staleUrls(url, answer));
    const { origin, path } = this.#request;
    const isDone = result.status >= 200 && result.status < 400;
    if (isDone) urls.push(...staleUrls(origin + path, result));
    const groups = isDone ? staleGroups(result) : [];
    return [
      ...new Set(urls.map((url) => urlMark(url))),
      ...groups.map((group) => markOf('tag', groupTag(origin, group))),
    ];
  }
}
