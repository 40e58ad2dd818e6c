import { Failure } from './errors.js';
import { redactText } from './redact.js';
import { shown } from './shown.js';
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
    return hookFailure(`its ${name} function threw`, cause);
  }
}

/** The failure of the page's own code. `what` begins the message, such as 'its when function threw'; what was thrown ends it. */
export function hookFailure(what: string, cause: unknown): Failure {
  return new Failure('ERR_UPSTREAM_HOOK', `${what} ${describe(cause)}`, cause);
}

/** What was thrown may be anything, such as an object whose getters throw. */
function describe(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return shown(redactText(`${thrown.name}: ${thrown.message}`));
    if (typeof thrown === 'string') return shown(redactText(`'${thrown}'`));
    return thrown === null || thrown === undefined ? String(thrown) : `something that is no Error (${typeof thrown})`;
  } catch {
    return 'something that cannot be read';
  }
}
