// The process on the second core: upstreams and load generator.
import { answer, config, cpu } from '../lib/child.js';
import { open } from '../lib/load.js';
import { upstream } from '../lib/upstream.js';

const { origins, served } = await upstream(config());
let load = null;

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
});
