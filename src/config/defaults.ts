import type { UpstreamConfig } from '../checked.js';

/** Every default of the package, in one place. Durations are in milliseconds. */
export const pageDefaults = { deadline: 2000, concurrency: 10, lateDeadline: 10_000 } as const;

/** The config of an upstream that has nothing but a URL. */
export const upstreamDefaults: Omit<UpstreamConfig, 'url' | 'given'> = {
  method: 'GET',
  headers: null,
  params: null,
  hasData: false,
  data: null,
  auth: null,
  responseType: null,
  validateStatus: isSuccess,
  maxRedirects: 5,
  maxContentLength: 10 * 1024 * 1024,
  transformResponse: [],
  required: false,
  defer: false,
  fragment: false,
  hasFallback: false,
  fallback: null,
  timeout: null,
  attemptTimeout: null,
  after: [],
  when: null,
  each: null,
  maxItems: 100,
  forward: [],
  origins: new Set(),
  schema: null,
  retry: null,
  hedge: null,
  breaker: null,
  coalesce: false,
  safe: false,
  quota: null,
  cache: null,
  deadlineHeader: null,
};

export const retryDefaults = {
  attempts: 1,
  statuses: [502, 503, 504],
  backoff: 100,
  methods: ['GET', 'HEAD'],
} as const;

export const breakerDefaults = { threshold: 0.5, minimum: 20, window: 10_000, halfOpenAfter: 5_000 } as const;

export const limitDefaults = { perOrigin: 128, queue: 1024 } as const;

export const cacheDefaults = {
  maxBytes: 64 * 1024 * 1024,
  maxEntries: 10_000,
  maxEntryBytes: 5 * 1024 * 1024,
} as const;

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

export function anyStatus(): boolean {
  return true;
}
