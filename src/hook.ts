import { Failure } from './errors.js';
import type { Context } from './types.js';

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** Calls a callback of the page's author, which may throw, reject or be slow. */
export async function guarded<T>(
  name: string,
  callback: (context: Context) => T | Promise<T>,
  context: Context,
): Promise<T | Failure> {
  try {
    return await callback(context);
  } catch (cause) {
    return new Failure('ERR_UPSTREAM_HOOK', `its ${name} function threw`, cause);
  }
}
