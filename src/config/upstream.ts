import { METHODS } from 'node:http';
import type { UpstreamConfig } from '../checked.js';
import type { Problems } from '../errors.js';
import { copyPlain, isPlainObject } from '../plain.js';
import { headerNameProblem, isHeaderValue } from '../request/headers.js';
import { queryOf } from '../request/query.js';

import type { UpstreamOptions } from '../types.js';
import { isCache, readCache } from './cache.js';
import {
  aBoolean,
  aFunction,
  anything,
  aPlainObject,
  aString,
  aWholeNumber,
  type Check,
  checkOptions,
  either,
  given,
  inFile,
  listOf,
  milliseconds,
  oneOf,
  schemaOf,
} from './checks.js';
import { anyStatus, isSuccess, upstreamDefaults } from './defaults.js';
import {
  changes,
  isBreaker,
  isHedge,
  isQuota,
  isRetry,
  onlyGiven,
  readBreaker,
  readHedge,
  readQuota,
  readRetry,
} from './resilience.js';

const methods: ReadonlySet<string> = new Set(METHODS.filter((name) => name !== 'CONNECT' && name !== 'TRACE'));

// In any case, as JSON Schema has no flag for that.
const inAnyCase = [...methods].map((name) => name.replace(/[A-Z]/g, (letter) => `[${letter}${letter.toLowerCase()}]`));
const methodPattern = `^(${inAnyCase.join('|')})$`;

const aMethod = inFile({ type: 'string', pattern: methodPattern, examples: ['GET', 'POST'] }, (value) =>
  typeof value === 'string' && methods.has(value.toUpperCase()) ? null : 'an HTTP method such as GET or POST',
);

const aScalar = { type: ['string', 'number', 'boolean', 'null'] };
/** The value of a header in a file. */
export const headerValue = { anyOf: [aScalar, { type: 'array', items: { type: ['string', 'number', 'boolean'] } }] };

const someHeaders = inFile({ type: 'object', additionalProperties: headerValue }, (value) =>
  isPlainObject(value) || typeof value === 'function'
    ? null
    : 'an object of header names and values, or a function of the context',
);

const login = { username: aString, password: aString };

const credentials = inFile(schemaOf(login, { required: ['username', 'password'] }), (value) =>
  isPlainObject(value) &&
  typeof value['username'] === 'string' &&
  typeof value['password'] === 'string' &&
  Object.keys(value).length === 2
    ? null
    : 'an object with the strings username and password',
);

const aSchema: Check = (value) => {
  const standard = (value as { '~standard'?: { version?: unknown; validate?: unknown } } | null | undefined)?.[
    '~standard'
  ];
  return standard?.version === 1 && typeof standard.validate === 'function'
    ? null
    : 'a Standard Schema of version 1 (https://standardschema.dev)';
};

const aBody = inFile({}, (value) => {
  const stream = value as { pipe?: unknown; getReader?: unknown } | null | undefined;
  return typeof value === 'symbol' ||
    typeof value === 'bigint' ||
    typeof stream?.pipe === 'function' ||
    typeof stream?.getReader === 'function'
    ? 'text, bytes, a form, an object, or a function of the context (a stream cannot be sent twice)'
    : null;
});

const aStatusTest = inFile({ type: 'null' }, (value) =>
  value === null ? null : aFunction(value) && 'a function of the status, or null',
);

// The compiler keeps this complete: an option without a check does not compile.
export const upstreamChecks: { readonly [Option in keyof Required<UpstreamOptions>]: Check } = {
  url: either(aString, aFunction),
  method: aMethod,
  headers: someHeaders,
  params: inFile({ type: 'object' }, (value) =>
    isPlainObject(value) || value instanceof URLSearchParams || typeof value === 'function'
      ? null
      : 'an object, URLSearchParams, or a function of the context',
  ),
  data: aBody,
  auth: credentials,
  responseType: oneOf('json', 'text', 'arraybuffer'),
  validateStatus: aStatusTest,
  maxRedirects: aWholeNumber(0),
  maxContentLength: aWholeNumber(1),
  transformResponse: either(aFunction, listOf(aFunction, 'functions')),
  required: aBoolean,
  defer: aBoolean,
  fragment: aBoolean,
  fallback: anything,
  timeout: milliseconds,
  attemptTimeout: milliseconds,
  after: listOf(aString, 'names of upstreams'),
  when: aFunction,
  each: either(aString, aFunction),
  maxItems: aWholeNumber(1),
  forward: listOf(aString, 'names of headers'),
  origins: inFile({ anyOf: [{ const: 'public' }, { type: 'array', items: { type: 'string' } }] }, (value) =>
    value === 'public' ? null : listOf(aString, "origins, or 'public'")(value),
  ),
  schema: aSchema,
  retry: isRetry,
  hedge: isHedge,
  breaker: isBreaker,
  coalesce: aBoolean,
  safe: aBoolean,
  quota: isQuota,
  cache: isCache,
  deadlineHeader: aString,
};

// Values that replace a wrong option while the others are checked, if those depend on its presence.
const standIns: Readonly<Record<string, unknown>> = { url: 'http://localhost/', each: () => [], origins: [] };

/**
 * An upstream's options, checked and copied, with defaults; null if the entry is no URL or object. Adds what is wrong to
 * `problems`.
 */
export function readUpstream(entry: unknown, path: string, problems: Problems): UpstreamConfig | null {
  const options = typeof entry === 'string' ? { url: entry } : entry;
  if (aPlainObject(options) !== null) {
    problems.add(path, `expected a URL or an object with a url, but was given ${given(entry)}`);
    return null;
  }
  const entries = { ...(options as Record<string, unknown>) };
  const wrong = checkOptions(entries, upstreamChecks, path, problems);
  if (entries['url'] === undefined) {
    problems.add(`${path}.url`, 'is missing: every upstream has a url');
    wrong.push('url');
  }
  for (const option of wrong) entries[option] = standIns[option];
  const known = entries as unknown as UpstreamOptions;
  checkTogether(known, path, problems);
  const origins = readOrigins(known.origins ?? [], path, problems);
  return {
    ...upstreamDefaults,
    // A copy: the caller may change its objects later.
    ...(copyPlain(onlyGiven(known)) as Partial<UpstreamConfig>),
    url: known.url,
    // Methods are case-sensitive, and axios accepts them in lower case.
    method: (known.method ?? upstreamDefaults.method).toUpperCase(),
    validateStatus: known.validateStatus === null ? anyStatus : (known.validateStatus ?? isSuccess),
    responseType: known.responseType ?? (known.fragment === true ? 'text' : null),
    transformResponse: known.transformResponse === undefined ? [] : [known.transformResponse].flat(),
    forward: (known.forward ?? []).map((name) => name.toLowerCase()),
    origins,
    retry: readRetry(known, path, problems),
    hedge: readHedge(known, path, problems),
    breaker: readBreaker(known, path, problems),
    quota: readQuota(known, path, problems),
    cache: readCache(known, path, problems),
    hasData: known.data !== undefined,
    hasFallback: known.fallback !== undefined,
    given: new Set(Object.keys(onlyGiven(known))),
  };
}

const notForwarded: ReadonlyMap<string, string> = new Map([
  ['accept-encoding', 'is set to the encodings that can be decoded here, so it cannot be forwarded'],
  ['host', 'says which site is asked for, which is not the client’s to choose: set it in headers where it must differ'],
]);

/** Checks the options that are valid by themselves but not together. */
function checkTogether(options: UpstreamOptions, path: string, problems: Problems): void {
  if (options.required === true && options.fallback !== undefined) {
    problems.add(
      `${path}.fallback`,
      'an upstream with a fallback cannot fail, so it cannot be required: drop one of them',
    );
  }
  if (options.required === true && options.defer === true) {
    problems.add(
      `${path}.defer`,
      'the page does not wait for what is deferred, so it cannot be required: drop one of them',
    );
  }
  if (options.fragment === true && (options.responseType ?? 'text') !== 'text') {
    problems.add(`${path}.responseType`, 'of a fragment is text: drop one of them');
  }
  if (typeof options.url === 'function' && options.origins === undefined) {
    problems.add(`${path}.origins`, "is needed where url is a function: a list of origins, or 'public'");
  }
  if (options.safe === true && changes(options.method ?? 'GET')) {
    problems.add(
      `${path}.safe`,
      `is for requests that only read, and ${options.method?.toUpperCase()} is there to change something`,
    );
  }
  if (options.maxItems !== undefined && options.each === undefined) {
    problems.add(`${path}.maxItems`, 'has a meaning only beside each');
  }
  if (typeof options.headers === 'object') {
    for (const [name, value] of Object.entries(options.headers)) {
      const problem = headerNameProblem(name);
      if (problem !== null) problems.add(`${path}.headers.${name}`, problem);
      else if (!isHeaderValue(value))
        problems.add(`${path}.headers.${name}`, 'has a value that cannot be sent in a header');
    }
  }
  if (typeof options.params === 'object') {
    try {
      queryOf(options.params);
    } catch {
      problems.add(`${path}.params`, 'cannot be written as a query: it has a cycle, a symbol or the like in it');
    }
  }
  if (options.deadlineHeader !== undefined) {
    const problem = headerNameProblem(options.deadlineHeader);
    if (problem !== null) problems.add(`${path}.deadlineHeader`, problem);
  }
  for (const name of options.forward ?? []) {
    const problem = notForwarded.get(name.toLowerCase()) ?? headerNameProblem(name);
    if (problem !== null) problems.add(`${path}.forward`, `'${name}' ${problem}`);
  }
}

function readOrigins(
  origins: readonly string[] | 'public',
  path: string,
  problems: Problems,
): ReadonlySet<string> | 'public' {
  if (origins === 'public') return origins;
  const set = new Set<string>();
  for (const text of origins) {
    const url = URL.canParse(text) ? new URL(text) : null;
    // URLs allow a `*` in a host, but it would not be a wildcard here.
    const isOrigin = url !== null && /^https?:\/\/[^*]+$/.test(url.origin) && url.href === `${url.origin}/`;
    if (isOrigin) set.add(url.origin);
    else
      problems.add(
        `${path}.origins`,
        `expected origins such as 'https://api.example.com', but was given ${given(text)}`,
      );
  }
  return set;
}
