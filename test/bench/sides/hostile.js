// The process on the first core for the table `hostile`: a page for each body, and how long the turns of its loop are.
import { once } from 'node:events';
import { openSync, readSync } from 'node:fs';
import express from 'express';
import { createMashup } from '../../../dist/index.js';
import { answer, config } from '../lib/child.js';

const { urls } = config();
const mashup = createMashup();
const app = express();
for (const [at, url] of urls.entries()) {
  app.get(`/${at}`, mashup({ it: `${url}/{?query.n}` }, { serverTiming: false, deadline: 1000 }), (_req, res) => {
    res.end(res.locals.mashup.it.error?.code ?? 'success');
  });
}
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');

// Milliseconds of CPU that the main thread has used: what other processes or threads do meanwhile does not count.
const file = openSync(`/proc/self/task/${process.pid}/schedstat`);
const text = Buffer.alloc(64);
const used = () => Number.parseInt(text.toString('latin1', 0, readSync(file, text, 0, text.length, 0)), 10) / 1e6;

let longest = 0;
let rss = 0;
let last = 0;
let measuring = false;

/** From one turn to the next: with this waiting, the loop never sleeps. */
function turn() {
  const now = used();
  longest = Math.max(longest, now - last);
  rss = Math.max(rss, process.memoryUsage.rss());
  last = used();
  if (measuring) setImmediate(turn);
}

answer({
  port: () => server.address().port,
  begin() {
    globalThis.gc();
    [longest, rss, last, measuring] = [0, 0, used(), true];
    setImmediate(turn);
  },
  end() {
    measuring = false;
    return { longest, rss };
  },
});
