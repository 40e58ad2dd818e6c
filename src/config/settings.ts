import type { AxiosInstance } from 'axios';
import { Problems } from '../errors.js';
import { isPlainObject } from '../plain.js';
import type { LimitOptions, Settings } from '../settings-types.js';
import { otherUndici } from '../transport/undici-version.js';
import { checkCacheSettings } from './cache.js';
import { aFailureListener, aPlainObject, aWholeNumber, type Check, checkOptions, given } from './checks.js';

const aDispatcher: Check = (value) =>
  typeof (value as Settings['dispatcher'] | null)?.dispatch === 'function'
    ? null
    : 'a dispatcher of undici, such as an Agent';

const anAxiosInstance: Check = (value) =>
  typeof value === 'function' &&
  typeof (value as unknown as AxiosInstance).request === 'function' &&
  'defaults' in value
    ? null
    : 'an axios instance, made by axios.create()';

const checks: { readonly [Setting in keyof Required<Settings>]: Check } = {
  dispatcher: aDispatcher,
  axios: anAxiosInstance,
  onFailure: aFailureListener,
  limits: aPlainObject,
  cache: aPlainObject,
};

const limitChecks: { readonly [Limit in keyof Required<LimitOptions>]: Check } = {
  perOrigin: aWholeNumber(1),
  queue: aWholeNumber(0),
};

/** With a dispatcher of another major version of undici, every request would fail. */
function checkUndici(dispatcher: object, problems: Problems): void {
  const other = otherUndici(dispatcher);
  if (other === null) return;
  problems.add(
    'settings.dispatcher',
    `expected a dispatcher of undici 7, but was given one of ${other}: make it with undici@7`,
  );
}

/**
 * Checks the settings of an instance.
 * @throws {ConfigError} with every problem
 */
export function readSettings(settings: unknown): Settings {
  const problems = new Problems();
  if (aPlainObject(settings) !== null) problems.add('settings', `expected an object, but was given ${given(settings)}`);
  else {
    const wrong = checkOptions(settings as Record<string, unknown>, checks, 'settings', problems);
    const { dispatcher, limits, cache } = settings as Settings;
    if (dispatcher !== undefined && !wrong.includes('dispatcher')) checkUndici(dispatcher, problems);
    if (isPlainObject(limits))
      checkOptions(limits as Record<string, unknown>, limitChecks, 'settings.limits', problems);
    if (isPlainObject(cache)) checkCacheSettings(cache, problems);
  }
  problems.throwIfAny();
  return settings as Settings;
}
