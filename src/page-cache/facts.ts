import type { CallPlan } from '../call/plan.js';

/** What a page depends on, as far as that is known when it is made. Sets are of names of upstreams. */
export interface PageFacts {
  /** Whether it depends on what no shared cache has in its key: `locals`, a function of the context, a credential. */
  readonly isPersonal: boolean;
  /** Whether making it changes something, so that nothing may take its place. */
  readonly isUnsafe: boolean;
  /** The client's headers that it depends on, beside credentials. */
  readonly varies: readonly string[];
  /** Those that are asked with credentials of the page's own, or of the client's. */
  readonly authorized: ReadonlySet<string>;
  /** Those whose freshness is the page's own, whatever their headers say. */
  readonly timed: ReadonlySet<string>;
  /** Those whose fallback is a function, which reads the visitor's request. */
  readonly fallingBack: ReadonlySet<string>;
  /** Those whose answers differ under one URL of the page. Their ETags need not differ as well. */
  readonly variable: ReadonlySet<string>;
}

/** @param byAxios whether an axios instance sends its requests; it may add credentials that cannot be seen here */
export function factsOf(calls: readonly CallPlan[], byAxios: boolean): PageFacts {
  const forwarded = calls.flatMap(({ config }) => config.forward);
  const namesOf = (test: (call: CallPlan) => boolean) => new Set(calls.filter(test).map(({ name }) => name));
  return {
    isPersonal: calls.some(isPersonal),
    isUnsafe: calls.some(({ config: { method, safe } }) => !safe && method !== 'GET' && method !== 'HEAD'),
    varies: [...new Set(forwarded.filter((name) => !isCredential(name)))].sort(),
    authorized: namesOf((call) => byAxios || isAuthorized(call)),
    timed: namesOf(({ config }) => config.cache !== null && config.cache.ttl !== null),
    fallingBack: namesOf(({ config }) => typeof config.fallback === 'function'),
    variable: namesOf((call) => isPersonal(call) || call.config.forward.length > 0),
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
