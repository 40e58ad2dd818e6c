// The process for the table `sequential`: the same URLs one after the other, in parallel, and the slowest one alone.
import { performance } from 'node:perf_hooks';
import { request } from 'undici';
import { multiGet } from '../../../dist/index.js';
import { answer, config } from '../lib/child.js';

const { urls } = config();
const get = async (url) => (await request(url)).body.json();

const ways = {
  sequential: async () => {
    for (const url of urls) await get(url);
  },
  multiGet: async () => {
    for (const [url, data] of await multiGet(urls)) if (data === null) throw new Error(`${url} failed`);
  },
  slowest: () => get(urls.at(-1)),
};

answer({
  port: () => null,
  time: async (way) => {
    const started = performance.now();
    await ways[way]();
    return performance.now() - started;
  },
});
