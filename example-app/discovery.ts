// Finds services by their names, as a service registry would.
import { Agent, type Dispatcher } from 'undici';
import type { ServiceUrls } from './services/index.js';

/** Sends what is for `http://NAME.internal` to where the service of that name runs. */
export function discovering(services: ServiceUrls): Dispatcher {
  const places = new Map(Object.entries(services).map(([name, url]) => [`http://${name}.internal`, url]));
  return new Agent().compose((dispatch) => (options, handler) => {
    const origin = places.get(String(options.origin)) ?? options.origin;
    return dispatch({ ...options, ...(origin !== undefined && { origin }) }, handler);
  });
}
