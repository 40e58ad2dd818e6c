import type { Request } from 'express';

/** The path of the route that a request has matched, as it was written; null where it is no text. */
export function routeOf({ baseUrl, route }: Request): string | null {
  const path: unknown = route?.path;
  return typeof path === 'string' ? (baseUrl ?? '') + path : null;
}
