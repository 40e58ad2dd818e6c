// What the options may be, and what their callbacks are given.
import { expectTypeOf } from 'expect-type';
import type { Request } from 'express';
import {
  type Context,
  createMashup,
  mashup,
  multiGet,
  type Outcome,
  type PageOptions,
  type UpstreamError,
  type UpstreamErrorCode,
  type UpstreamMap,
} from '../../src/index.js';

const url = 'https://a.example.com/';

mashup({
  user: {
    url: (context) => {
      expectTypeOf(context).toEqualTypeOf<Context>();
      return new URL(url);
    },
    origins: 'public',
    headers: ({ req, item }) => {
      expectTypeOf(req).toEqualTypeOf<Request>();
      expectTypeOf(item).toEqualTypeOf<unknown>();
      return { 'x-a': 1, 'x-b': ['a'], 'x-c': null, 'x-d': undefined, 'x-e': true };
    },
    params: async ({ params, query, results, locals }) => {
      expectTypeOf(params['id']).toEqualTypeOf<string | string[] | undefined>();
      expectTypeOf(results['user']).toEqualTypeOf<unknown>();
      expectTypeOf(locals['user']).toEqualTypeOf<unknown>();
      expectTypeOf(query).not.toBeAny();
      return new URLSearchParams();
    },
    data: ({ signal }) => {
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
      return { a: 1 };
    },
    fallback: (error, context) => {
      expectTypeOf(error).toEqualTypeOf<UpstreamError>();
      expectTypeOf(error.code).toEqualTypeOf<UpstreamErrorCode>();
      expectTypeOf(context).toEqualTypeOf<Context>();
      return null;
    },
    when: ({ params }) => params['id'] !== '0',
    each: async ({ results }) => [results['a']],
    validateStatus: (status) => {
      expectTypeOf(status).toEqualTypeOf<number>();
      return status < 500;
    },
    transformResponse: [
      (data, headers, status) => {
        expectTypeOf(headers).toEqualTypeOf<Readonly<Record<string, string | string[]>>>();
        expectTypeOf(status).toEqualTypeOf<number>();
        return data;
      },
    ],
  },
});

// The context is for reading.
mashup({
  user: {
    url,
    when: ({ locals, results }) => {
      // @ts-expect-error: read-only
      locals['a'] = 1;
      // @ts-expect-error: read-only
      results['a'] = 1;
    },
  },
});

// Mistakes do not compile.
// @ts-expect-error: an option with a typo
mashup({ user: { url, timout: 5 } });
// @ts-expect-error: the url is missing
mashup({ user: {} });
// @ts-expect-error: a number of milliseconds
mashup({ user: { url, timeout: '2s' } });
// @ts-expect-error: a list of names
mashup({ user: { url, after: 'orders' } });
// @ts-expect-error: one of three
mashup({ user: { url, responseType: 'stream' } });
// @ts-expect-error: credentials are two strings
mashup({ user: { url, auth: { username: 'ann' } } });
// @ts-expect-error: a list, or 'public'
mashup({ user: { url, origins: 'private' } });
// @ts-expect-error: a boolean
mashup({ user: { url, required: 'yes' } });
// @ts-expect-error: a function that gives a URL
mashup({ user: { url: () => 5, origins: 'public' } });
// @ts-expect-error: a list
mashup({ user: { url, each: () => 5 } });
// @ts-expect-error: not a URL, nor an object
mashup({ user: 5 });
// @ts-expect-error: no map
mashup(url);
// @ts-expect-error: an option of a page with a typo
mashup({ user: url }, { deadlin: 5 });
// @ts-expect-error: the same beside a right one
mashup({ user: url }, { deadline: 5, concurency: 5 });
// @ts-expect-error: a number of milliseconds
mashup({ user: url }, { deadline: '2s' });
// @ts-expect-error: a number
mashup({ user: url }, { concurrency: '5' });

// Configs that are written elsewhere, read-only ones included.
const options: PageOptions = { deadline: 5, concurrency: 5, into: 'data', serverTiming: false };
const constant = { user: { url, after: ['order'], forward: ['cookie'], headers: { a: 'b' } }, order: url } as const;
const map: UpstreamMap = constant;
mashup(map, options);
mashup(constant, { deadline: 5 } as const);

// Other instances are called in the same way.
const instance = createMashup();
expectTypeOf(instance({ user: url })).toEqualTypeOf(mashup({ user: url }));
expectTypeOf(instance.close).returns.toEqualTypeOf<Promise<void>>();
// @ts-expect-error: a setting with a typo
createMashup({ dispacher: undefined });

// multiGet takes what makes sense without a page.
expectTypeOf(multiGet([url])).toEqualTypeOf<Promise<[url: string, data: unknown, outcome: Outcome][]>>();
multiGet(new Set([new URL(url)]), { timeout: 5, concurrency: 2, headers: { a: 'b' }, fallback: null });
// @ts-expect-error: an option of a page
multiGet([url], { required: true });
// @ts-expect-error: there is no client whose headers could be forwarded
multiGet([url], { forward: ['cookie'] });
// @ts-expect-error: no list
multiGet(5);
