// The two processes of a table that has its own way to load its pages.
import { start } from './child.js';

/**
 * Starts upstreams and load on one core, and on the other one server for each of `pages`, whose `urls` is a function of the
 * origins; does the work with them, and stops them.
 */
export async function withSides({ upstreams, pages, flags }, work) {
  const started = [];
  try {
    const load = await start(new URL('../sides/load.js', import.meta.url), { core: 1, config: upstreams });
    started.push(load);
    const origins = await load.ask('origins');
    const servers = [];
    for (const { side = 'server', urls, ...config } of pages) {
      const url = new URL(`../sides/${side}.js`, import.meta.url);
      const server = await start(url, { core: 0, config: { ...config, urls: urls(origins) }, flags });
      started.push(server);
      servers.push({ ...server, port: await server.ask('port') });
    }
    return await work(load, servers);
  } finally {
    for (const child of started) child.stop();
  }
}

/** URLs of upstreams at the path `/name/…`, spread over the origins. */
export const spread = (name, count) => (origins) =>
  Array.from({ length: count }, (_, index) => `${origins[index % origins.length]}/${name}/${index}`);
