import { closestMatch } from 'leven';

/** The known name that was probably meant. */
export function closest(name: string, known: readonly string[]): string | undefined {
  const byLowerCase = new Map(known.map((one) => [one.toLowerCase(), one]));
  const maxDistance = Math.max(2, Math.floor(name.length / 3));
  const match = closestMatch(name.toLowerCase(), [...byLowerCase.keys()], { maxDistance });
  return match === undefined ? undefined : byLowerCase.get(match);
}

const MOST_LISTED = 8;

/** The end of a message about an unknown name. */
export function didYouMean(name: string, known: readonly string[]): string {
  const match = closest(name, known);
  if (match !== undefined) return `: did you mean '${match}'?`;
  if (known.length === 0) return '';
  const more = known.length > MOST_LISTED ? ` and ${known.length - MOST_LISTED} more` : '';
  return `; known are ${known.slice(0, MOST_LISTED).join(', ')}${more}`;
}

// What other libraries, and other languages, call our options.
const aliases: Readonly<Record<string, string>> = {
  uri: 'url',
  href: 'url',
  query: 'params',
  qs: 'params',
  searchParams: 'params',
  body: 'data',
  json: 'data',
  form: 'data',
  payload: 'data',
  default: 'fallback',
  defaultValue: 'fallback',
  placeholder: 'fallback',
  require: 'required',
  mandatory: 'required',
  dependsOn: 'after',
  depends: 'after',
  needs: 'after',
  waitFor: 'after',
  condition: 'when',
  if: 'when',
  enabled: 'when',
  skip: 'when',
  foreach: 'each',
  map: 'each',
  items: 'each',
  list: 'each',
  passHeaders: 'forward',
  forwardHeaders: 'forward',
  allowedOrigins: 'origins',
  hosts: 'origins',
  retries: 'retry',
  maxRetries: 'retry',
  circuitBreaker: 'breaker',
  dedupe: 'coalesce',
  readOnly: 'safe',
  rateLimit: 'quota',
  throttle: 'quota',
  max: 'requests',
  interval: 'per',
  duration: 'per',
  window: 'per',
  windowMs: 'per',
  late: 'defer',
  deferred: 'defer',
  stream: 'defer',
  lazy: 'defer',
  html: 'fragment',
  partial: 'fragment',
  ttl: 'cache',
  maxAge: 'ttl',
  expires: 'ttl',
  staleWhileRevalidate: 'swr',
  grace: 'staleIfError',
  vary: 'keyHeaders',
  varyBy: 'keyHeaders',
  redis: 'store',
  idempotent: 'safe',
  followRedirects: 'maxRedirects',
  maxRedirections: 'maxRedirects',
  maxBodyLength: 'maxContentLength',
  maxSize: 'maxContentLength',
  transform: 'transformResponse',
  parse: 'transformResponse',
  validate: 'schema',
  parallel: 'concurrency',
  limit: 'concurrency',
  maxConcurrency: 'concurrency',
  namespace: 'into',
  timings: 'serverTiming',
};

/** The same of an option: a word of another library is known, and the option itself is told. */
export function didYouMeanOption(name: string, known: readonly string[]): string {
  const alias = Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  return alias !== undefined && known.includes(alias) ? `: here it is called '${alias}'` : didYouMean(name, known);
}
