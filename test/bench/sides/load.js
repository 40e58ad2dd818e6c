// The process on the second core: upstreams and load generator.
import { Agent, get } from 'node:http';
import { answer, config, cpu } from '../lib/child.js';
import { open } from '../lib/load.js';
import { upstream } from '../lib/upstream.js';

const { origins, served, held, release } = await upstream(config());
let load = null;
let asking = null;
const agent = new Agent({ keepAlive: true });

answer({
  cpu,
  origins: () => origins,
  open: async (target) => {
    load = await open(target);
  },
  run: async (ms) => {
    const before = served();
    return { ...(await load.run(ms)), served: served() - before };
  },
  close: () => load.close(),
  /** Milliseconds of each page of the last run. */
  latencies: () => load.latencies(),
  held,
  release,
  /** Asks for a URL at a steady rate, whatever becomes of it; without one, stops that. */
  keepAsking: ({ url, every } = {}) => {
    clearInterval(asking);
    if (url) asking = setInterval(() => get(url, { agent }, (answer) => answer.resume()).on('error', () => {}), every);
  },
});
