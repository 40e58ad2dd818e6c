import type { CallPlan } from '../call/plan.js';

/** What a page depends on, as far as that is known when it is made. */
export interface PageFacts {
  /** Whether it depends on what no shared cache has in its key: `locals`, a function of the context, a credential. */
  readonly isPersonal: boolean;
  /** The client's headers that it depends on, beside credentials. */
  readonly varies: readonly string[];
  /** The upstreams that are asked with credentials of the page's own, or of the client's. */
  readonly authorized: ReadonlySet<string>;
  /** The upstreams whose freshness is the page's own, whatever their headers say. */
  readonly timed: ReadonlySet<string>;
}

export function factsOf(calls: readonly CallPlan[]): PageFacts {
  const forwarded = calls.flatMap(({ config }) => config.forward);
  return {
    isPersonal: calls.some(isPersonal),
    varies: [...new Set(forwarded.filter((name) => !isCredential(name)))].sort(),
    authorized: new Set(calls.filter(isAuthorized).map(({ name }) => name)),
    timed: new Set(
      calls.filter(({ config }) => config.cache !== null && config.cache.ttl !== null).map(({ name }) => name),
    ),
  };
}

function isPersonal({ config, readsLocals }: CallPlan): boolean {
  const { url, headers, params, data, when, each, forward } = config;
  const isFunction = [url, headers, params, data, when, each].some((option) => typeof option === 'function');
  return isFunction || readsLocals || forward.some(isCredential);
}

/** What a header's name says of it: who knows the name alone treats it as a secret. */
function isCredential(name: string): boolean {
  return /cookie|auth|token|secret|session|jwt|csrf|xsrf|password|credential|signature|(^|-)(key|sid)(-|$)|api-?key/i.test(
    name,
  );
}

function isAuthorized({ config: { auth, headers, forward } }: CallPlan): boolean {
  const names = typeof headers === 'object' && headers !== null ? Object.keys(headers) : [];
  // A function of headers makes the page personal in any case.
  return auth !== null || [...names, ...forward].some((name) => /^authorization$/i.test(name));
}
