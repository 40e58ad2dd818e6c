/** Every default of the package, in one place. Durations are in milliseconds. */
export const pageDefaults = { deadline: 2000, concurrency: 10 } as const;

export const upstreamDefaults = {
  method: 'GET',
  maxRedirects: 5,
  maxContentLength: 10 * 1024 * 1024,
  maxItems: 100,
} as const;

export const retryDefaults = {
  attempts: 1,
  statuses: [502, 503, 504],
  backoff: 100,
  methods: ['GET', 'HEAD'],
} as const;

export const breakerDefaults = { threshold: 0.5, minimum: 20, window: 10_000, halfOpenAfter: 5_000 } as const;

export const limitDefaults = { perOrigin: 128, queue: 1024 } as const;

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

export function anyStatus(): boolean {
  return true;
}
