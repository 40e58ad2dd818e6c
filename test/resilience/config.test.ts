import { createMashup, multiGet } from '../../src/index.js';
import type { UpstreamOptions } from '../../src/types.js';
import { deepFreeze, lines, problemsOf, problemsThrown, problemsWith } from '../config/problems.js';
import { startBackend } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { mashupWith } from '../support/instance.js';
import { openPage } from '../support/site.js';

afterEach(closeAll);

const timer = 'milliseconds, more than 0 and at most 2147483647';
const atLeastOne = 'a whole number, 1 or more';
const retry = 'true, how many extra attempts there may be, or an object of options';
const statuses = 'a list of statuses';
const methods = 'a list of HTTP methods';
const hedge = "milliseconds, or 'p95'";
const breaker = 'true, or an object of options';
const anyQuota = 'an object such as { requests: 100, per: 60_000 }';
const aQuotaName = 'a name of at most 100 characters';
const share = 'a share, more than 0 and at most 1';

class Options {
  attempts = 1;
}

describe('a wrong option gives one problem: where it is, what is expected, what was given', () => {
  test.each<[path: string, entry: object, expected: string, given: string]>([
    ['retry', { retry: 0 }, retry, '0'],
    ['retry', { retry: -1 }, retry, '-1'],
    ['retry', { retry: 1.5 }, retry, '1.5'],
    ['retry', { retry: Number.NaN }, retry, 'NaN'],
    ['retry', { retry: Number.POSITIVE_INFINITY }, retry, 'Infinity'],
    ['retry', { retry: null }, retry, 'null'],
    ['retry', { retry: 'twice' }, retry, "'twice'"],
    ['retry', { retry: [503] }, retry, 'a list'],
    ['retry', { retry: () => true }, retry, 'a function'],
    ['retry', { retry: new Options() }, retry, 'an object'],
    ['retry.attempts', { retry: { attempts: 0 } }, atLeastOne, '0'],
    ['retry.attempts', { retry: { attempts: '2' } }, atLeastOne, "'2'"],
    ['retry.attempts', { retry: { attempts: null } }, atLeastOne, 'null'],
    ['retry.attempts', { retry: { attempts: 2 ** 53 } }, atLeastOne, '9007199254740992'],
    ['retry.statuses', { retry: { statuses: 503 } }, statuses, '503'],
    ['retry.statuses', { retry: { statuses: ['503'] } }, statuses, 'a list'],
    ['retry.statuses', { retry: { statuses: [503, 99] } }, statuses, 'a list'],
    ['retry.statuses', { retry: { statuses: [600] } }, statuses, 'a list'],
    ['retry.statuses', { retry: { statuses: [503.5] } }, statuses, 'a list'],
    ['retry.backoff', { retry: { backoff: 0 } }, timer, '0'],
    ['retry.backoff', { retry: { backoff: -1 } }, timer, '-1'],
    ['retry.backoff', { retry: { backoff: '1s' } }, timer, "'1s'"],
    ['retry.backoff', { retry: { backoff: 2 ** 31 } }, timer, '2147483648'],
    ['retry.methods', { retry: { methods: 'POST' } }, methods, "'POST'"],
    ['retry.methods', { method: 'POST', retry: { methods: 'POST' } }, methods, "'POST'"],
    ['retry.methods', { method: 'POST', retry: { methods: ['POST', 5] } }, methods, 'a list'],
    ['hedge', { hedge: 0 }, hedge, '0'],
    ['hedge', { hedge: -5 }, hedge, '-5'],
    ['hedge', { hedge: true }, hedge, 'true'],
    ['hedge', { hedge: null }, hedge, 'null'],
    ['hedge', { hedge: 'p99' }, hedge, "'p99'"],
    ['hedge', { hedge: {} }, hedge, 'an object'],
    ['hedge', { hedge: 2 ** 31 }, hedge, '2147483648'],
    ['breaker', { breaker: 1 }, breaker, '1'],
    ['breaker', { breaker: null }, breaker, 'null'],
    ['breaker', { breaker: 'on' }, breaker, "'on'"],
    ['breaker', { breaker: [] }, breaker, 'a list'],
    ['breaker', { breaker: new Options() }, breaker, 'an object'],
    ['breaker.threshold', { breaker: { threshold: 0 } }, share, '0'],
    ['breaker.threshold', { breaker: { threshold: 50 } }, share, '50'],
    ['breaker.threshold', { breaker: { threshold: '50%' } }, share, "'50%'"],
    ['breaker.threshold', { breaker: { threshold: Number.NaN } }, share, 'NaN'],
    ['breaker.minimum', { breaker: { minimum: 0 } }, atLeastOne, '0'],
    ['breaker.minimum', { breaker: { minimum: 2.5 } }, atLeastOne, '2.5'],
    ['breaker.window', { breaker: { window: 0 } }, timer, '0'],
    ['breaker.window', { breaker: { window: Number.POSITIVE_INFINITY } }, timer, 'Infinity'],
    ['breaker.halfOpenAfter', { breaker: { halfOpenAfter: -1 } }, timer, '-1'],
    ['breaker.halfOpenAfter', { breaker: { halfOpenAfter: null } }, timer, 'null'],
    ['coalesce', { coalesce: 'yes' }, 'true or false', "'yes'"],
    ['coalesce', { coalesce: 1 }, 'true or false', '1'],
    ['quota', { quota: 5 }, anyQuota, '5'],
    ['quota', { quota: null }, anyQuota, 'null'],
    ['quota', { quota: [5, 1000] }, anyQuota, 'a list'],
    ['quota', { quota: true }, anyQuota, 'true'],
    ['quota.requests', { quota: { requests: 0, per: 1 } }, atLeastOne, '0'],
    ['quota.requests', { quota: { requests: 1.5, per: 1 } }, atLeastOne, '1.5'],
    ['quota.requests', { quota: { requests: Number.POSITIVE_INFINITY, per: 1 } }, atLeastOne, 'Infinity'],
    ['quota.per', { quota: { requests: 1, per: 0 } }, 'milliseconds, more than 0', '0'],
    ['quota.per', { quota: { requests: 1, per: '1m' } }, 'milliseconds, more than 0', "'1m'"],
    ['quota.per', { quota: { requests: 1, per: Number.NaN } }, 'milliseconds, more than 0', 'NaN'],
    ['quota.name', { quota: { requests: 1, per: 1, name: '' } }, aQuotaName, "''"],
    ['quota.name', { quota: { requests: 1, per: 1, name: 5 } }, aQuotaName, '5'],
    ['safe', { method: 'POST', safe: 'yes' }, 'true or false', "'yes'"],
  ])('%s: %j', (path, entry, expected, given) => {
    expect(lines(problemsWith(entry as Record<string, unknown>))).toEqual([
      `user.${path}: expected ${expected}, but was given ${given}`,
    ]);
  });

  test.each([
    [{ retry: { attemps: 2 } }, "user.retry.attemps: is not an option: did you mean 'attempts'?"],
    [{ retry: { retries: 2 } }, 'user.retry.retries: is not an option; known are attempts, statuses, backoff, methods'],
    [{ breaker: { treshold: 0.5 } }, "user.breaker.treshold: is not an option: did you mean 'threshold'?"],
    [{ breaker: { windows: 5 } }, "user.breaker.windows: is not an option: did you mean 'window'?"],
    [{ quota: { requests: 5 } }, 'user.quota.per: is missing: a quota is so many requests per so many milliseconds'],
    [{ quota: { per: 5 } }, 'user.quota.requests: is missing'],
    [{ quota: { requests: 5, per: 5, windowMs: 5 } }, "user.quota.windowMs: is not an option: here it is called 'per'"],
    [{ quota: { requests: 5, per: 5, nam: 'a' } }, "user.quota.nam: is not an option: did you mean 'name'?"],
    [{ rateLimit: 5 }, "user.rateLimit: is not an option: here it is called 'quota'"],
    [{ readOnly: true }, "user.readOnly: is not an option: here it is called 'safe'"],
    [{ retrys: 2 }, "user.retrys: is not an option: did you mean 'retry'?"],
    [{ hedg: 2 }, "user.hedg: is not an option: did you mean 'hedge'?"],
    [{ method: 'PUT', retry: true }, "user.retry: sends PUT again only where that is asked for: add methods: ['PUT']"],
    [{ retry: { methods: ['PUT'] } }, "user.retry: sends GET again only where that is asked for: add methods: ['GET']"],
    [
      { method: 'POST', hedge: 50 },
      'user.hedge: may send a request twice, so it is for GET and HEAD, not POST without safe: true',
    ],
    [{ method: 'PUT', hedge: 50 }, 'user.hedge: may send a request twice, so it is for GET and HEAD, not PUT'],
    [
      { method: 'POST', safe: true, retry: { methods: ['PUT'] } },
      "user.retry: sends POST again only where that is asked for: add methods: ['POST']",
    ],
    [{ method: 'put', safe: true }, 'user.safe: is for requests that only read, and PUT is there to change something'],
    [{ method: 'PATCH', safe: true }, 'user.safe: is for requests that only read, and PATCH'],
    [{ method: 'Delete', safe: true }, 'user.safe: is for requests that only read, and DELETE'],
  ])('%j', (entry, line) => expect(lines(problemsWith(entry))).toEqual([expect.stringContaining(line)]));

  test.each([
    [{ limits: 5 }, 'settings.limits: expected an object, but was given 5'],
    [{ limits: null }, 'settings.limits: expected an object, but was given null'],
    [{ limits: [] }, 'settings.limits: expected an object, but was given a list'],
    [{ limits: { perOrigin: 0 } }, `settings.limits.perOrigin: expected ${atLeastOne}, but was given 0`],
    [{ limits: { perOrigin: '9' } }, `settings.limits.perOrigin: expected ${atLeastOne}, but was given '9'`],
    [
      { limits: { perOrigin: Number.POSITIVE_INFINITY } },
      `settings.limits.perOrigin: expected ${atLeastOne}, but was given Infinity`,
    ],
    [{ limits: { queue: -1 } }, 'settings.limits.queue: expected a whole number, 0 or more, but was given -1'],
    [{ limits: { queue: 1.5 } }, 'settings.limits.queue: expected a whole number, 0 or more, but was given 1.5'],
    [{ limits: { perorigin: 5 } }, "settings.limits.perorigin: is not an option: did you mean 'perOrigin'?"],
    [{ limit: {} }, "settings.limit: is not an option: did you mean 'limits'?"],
  ])('%j', (settings, line) => {
    expect(lines(problemsThrown(() => createMashup(settings as object)))).toEqual([line]);
  });
});

test('all problems of all of them at once, each with its path', () => {
  const entry = {
    url: 'https://users.example.com/',
    method: 'POST',
    retry: { attempts: 0, backoff: 0 },
    hedge: 0,
    breaker: { threshold: 2, minimum: 0 },
  };
  const paths = problemsOf({ user: entry, other: entry }).map(({ path }) => path);
  const each = ['retry.attempts', 'retry.backoff', 'retry', 'hedge', 'breaker.threshold', 'breaker.minimum'];
  expect(paths.sort()).toEqual([...each.map((path) => `other.${path}`), ...each.map((path) => `user.${path}`)].sort());
});

test('multiGet checks them too', async () => {
  const error = await multiGet([], { retry: { attempts: 0 }, hedge: 0 }).catch((reason: unknown) => reason);
  const problems = problemsThrown(() => {
    throw error;
  });
  expect(problems.map(({ path }) => path).sort()).toEqual(['options.hedge', 'options.retry.attempts']);
});

test.each<[string, object]>([
  ['retry', { retry: false }],
  ['retry', { retry: {} }],
  ['retry', { retry: Object.create(null) }],
  ['retry', { retry: { statuses: [], methods: ['get'] } }],
  ['retry', { method: 'head', retry: 1 }],
  ['hedge', { hedge: 0.5 }],
  ['hedge', { method: 'head', hedge: 'p95' }],
  ['breaker', { breaker: false }],
  ['breaker', { breaker: { threshold: 1, minimum: 1, window: 0.5, halfOpenAfter: 2 ** 31 - 1 } }],
  ['coalesce', { method: 'POST', coalesce: true }],
  ['quota', { quota: { requests: 1, per: 0.5 } }],
  ['quota', { quota: { requests: 1e9, per: 31 * 86_400_000, name: 'maps: a month' } }],
  ['safe', { safe: true }],
  ['safe', { method: 'HEAD', safe: true }],
  ['safe', { method: 'PUT', safe: false }],
  ['safe', { method: 'post', safe: true, retry: true, hedge: 'p95', coalesce: true }],
  ['safe', { method: 'POST', safe: true, retry: { methods: ['GET'] } }],
  ['safe', { method: 'QUERY', safe: true, retry: { methods: ['QUERY'] } }],
  ['undefined', { retry: undefined, hedge: undefined, breaker: undefined, coalesce: undefined }],
])('right: %s %j', (_, entry) => expect(problemsWith(entry as Record<string, unknown>)).toEqual([]));

describe('the options of options', () => {
  /** Asks a page of one upstream that always answers 503 so many times; resolves to the codes of what came of it. */
  async function ask(entry: Partial<UpstreamOptions>, count = 1, change = () => {}, wait = '60') {
    const backend = await startBackend();
    backend.answer('/a', 1, { status: 503, headers: { 'retry-after': wait } });
    const mashup = mashupWith({ clock: new ManualClock() });
    closeLater(() => mashup.close());
    const visit = await openPage({ a: { url: `${backend.origin}/a`, ...entry } }, { mashup });
    change();
    const codes: unknown[] = [];
    for (let at = 0; at < count; at++) codes.push((await visit()).outcomes['a']?.error?.code);
    return { codes, stats: mashup.stats().origins[backend.origin] };
  }

  test('that are undefined count as left out', async () => {
    const options = { threshold: undefined, minimum: undefined, window: undefined, halfOpenAfter: undefined };
    const retryOptions = { attempts: undefined, statuses: undefined, backoff: undefined, methods: undefined };
    const entry = { breaker: options, retry: retryOptions } as unknown as Partial<UpstreamOptions>;
    const { codes, stats } = await ask(entry, 21);
    expect(codes).toEqual([...Array<string>(20).fill('ERR_UPSTREAM_STATUS'), 'ERR_UPSTREAM_CIRCUIT_OPEN']);
    expect(stats).toMatchObject({ breaker: 'open', outcomes: { answered: 20 } });
  });

  test('may be frozen', async () => {
    const entry = deepFreeze({ breaker: { minimum: 1 }, retry: { attempts: 2, statuses: [503], methods: ['GET'] } });
    expect((await ask(entry)).codes).toEqual(['ERR_UPSTREAM_STATUS']);
  });

  test('may change after the page was made, which changes nothing', async () => {
    const breakerOptions = { minimum: 1 };
    const retryOptions = { attempts: 2, statuses: [500] };
    const change = () => {
      breakerOptions.minimum = 50;
      retryOptions.statuses.push(503);
    };
    const { stats } = await ask({ breaker: breakerOptions, retry: retryOptions }, 1, change, '0');
    expect(stats).toMatchObject({ breaker: 'open', budget: 10 });
  });
});
