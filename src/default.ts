import { Origins } from './call/origins.js';
import { systemClock } from './clock.js';
import { limitDefaults } from './config/defaults.js';
import { mashupWith } from './mashup.js';
import { KeptConnections } from './transport/connections.js';
/** What pages of the default instance, and multiGet, share. */
export const defaultServices = {
  clock: systemClock,
  connections: new KeptConnections(),
  origins: new Origins(limitDefaults),
};

/** Makes pages on the default instance. */
export const mashup = mashupWith(defaultServices);
