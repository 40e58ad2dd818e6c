import { Origins } from './call/origins.js';
import { systemClock } from './clock.js';
import { limitDefaults } from './config/defaults.js';
import { mashupWith } from './mashup.js';
import type { Mashup } from './page-types.js';
import { KeptConnections } from './transport/connections.js';

/** What pages of the default instance, and multiGet, share. */
export const defaultServices = {
  clock: systemClock,
  connections: new KeptConnections(),
  origins: new Origins(limitDefaults),
};

interface Shared {
  readonly mashup: Mashup;
}

// One process may load this package several times: by `import` and by `require`, or again after jest.resetModules(). All copies
// of one version use the default instance that the first of them made, so that its limits and its close() hold for every page.
// They share its functions and not its services: a copy recognises failures and answers by classes that are its own.
// Another version has other code, and so another key.
const version = '0.1.0';
const key = Symbol.for(`express-mashup.default@${version}`);
const copies = globalThis as { [key]?: Shared };
copies[key] ??= { mashup: mashupWith(defaultServices) };

/** Makes pages on the default instance. */
export const { mashup } = copies[key];
