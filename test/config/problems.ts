import { type ConfigProblem, isConfigError, mashup } from '../../src/index.js';
import type { PageOptions, UpstreamMap } from '../../src/types.js';

/** What a page's config is refused for; [] where it is not. */
export function problemsOf(upstreams: unknown, options?: unknown): readonly ConfigProblem[] {
  return problemsThrown(() => mashup(upstreams as UpstreamMap, options as PageOptions));
}

/** The same for one upstream called `user`, that has a right URL if it is given none. */
export function problemsWith(entry: Record<string, unknown>): readonly ConfigProblem[] {
  return problemsOf({ user: { url: 'https://users.example.com/', ...entry } });
}

export function problemsThrown(run: () => unknown): readonly ConfigProblem[] {
  try {
    run();
    return [];
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
}

/** Problems as the message of the error lists them. */
export function lines(problems: readonly ConfigProblem[]): string[] {
  return problems.map(({ path, message }) => `${path}: ${message}`);
}

/** Freezes an object and all that is in it. (What has bytes of its own cannot be frozen.) */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}
