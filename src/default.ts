import { MashupInstance } from './instance.js';
import { mashupOn } from './mashup.js';
import { type MultiGet, multiGetOn } from './multi-get.js';
import type { Mashup } from './page-types.js';
import { version } from './version.js';

/** What pages of `mashup`, and multiGet, share. */
export const defaultInstance = new MashupInstance();

interface Shared {
  readonly mashup: Mashup;
  readonly multiGet: MultiGet;
}

// One process may load this package several times: by `import` and by `require`, or again after jest.resetModules(). All copies
// of one version use the default instance that the first of them made, so that its limits and its close() hold for every page.
// They share its functions and not the instance: a copy recognises failures and answers by classes that are its own.
// Another version has other code, and so another key.
const key = Symbol.for(`express-mashup.default@${version}`);
const copies = globalThis as { [key]?: Shared };
copies[key] ??= { mashup: mashupOn(defaultInstance), multiGet: multiGetOn(defaultInstance) };

/** Makes pages on the default instance. */
export const mashup: Mashup = copies[key].mashup;

/**
 * Gets all URLs at once, with one timeout over all of them. It never rejects because of an upstream.
 *
 * @param urls any iterable of URLs; one may stand in it twice, and one that is not a URL gets an outcome with that error
 * @returns `[url, data, outcome]` for each, in the order asked; data is null for what failed or was late
 * @throws {ConfigError} (as a rejection) if the arguments are wrong
 * @example for (const [url, data] of await multiGet(urls, { timeout: 500 })) console.log(url, data);
 */
export const multiGet: MultiGet = copies[key].multiGet;
