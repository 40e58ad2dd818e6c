import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { RequestHandler } from 'express';
import { closeAll } from '../support/closing.js';
import { newMashup, openPage } from '../support/site.js';

// An upstream in a thread of its own, so that it sends while the loop of this one is busy. It answers with the path that was
// asked; some milliseconds after a path such as /stray/20 it sends an answer that nobody asked for.
const upstreamSource = `
  const { createServer } = require('node:net');
  const { parentPort } = require('node:worker_threads');
  const answer = (text) => 'HTTP/1.1 200 OK\\r\\ncontent-type: text/plain\\r\\ncontent-length: ' + text.length + '\\r\\n\\r\\n' + text;
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (head) => {
      const path = head.toString().split(' ')[1];
      socket.write(answer(path));
      if (path.startsWith('/stray/')) setTimeout(() => socket.write(answer('STRAY')), Number(path.split('/')[2]));
    });
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

function beBusy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

let worker: Worker;
let origin: string;

beforeAll(async () => {
  worker = new Worker(upstreamSource, { eval: true });
  const [port] = await once(worker, 'message');
  origin = `http://127.0.0.1:${port}`;
});

afterEach(closeAll);
afterAll(() => worker.terminate());

/** When the loop is busy beside a run: the stray answer comes 20 ms after the first page, so in the middle of it. */
const scenarios: Record<string, (run: () => void) => void> = {
  'before the run begins': (run) => {
    beBusy(60);
    run();
  },
  'in the same turn, after the run has begun': (run) => {
    run();
    beBusy(60);
  },
  'a little each, in the many callbacks of one turn': (run) => {
    beBusy(25);
    run();
    beBusy(25);
  },
  'when the loop is about to let the request go': (run) => {
    setImmediate(() => beBusy(60));
    run();
  },
  'before the run, and it begins in a promise': (run) => {
    beBusy(60);
    void Promise.resolve().then(run);
  },
  'before the run, and it begins in an immediate': (run) => {
    beBusy(60);
    setImmediate(run);
  },
  'before the run, and it begins in a timer': (run) => {
    beBusy(60);
    setTimeout(run, 0);
  },
  'not at all': (run) => {
    setTimeout(run, 60);
  },
};

test.each(Object.entries(scenarios))(
  'an answer that nobody asked for is not taken when the loop is busy %s',
  async (_name, begin) => {
    for (let round = 0; round < 5; round++) {
      const mashup = newMashup();
      const options = { deadline: 10_000 };
      const first = await openPage({ data: `${origin}/stray/20` }, { mashup, options });
      const before: RequestHandler = (_req, _res, next) => begin(next);
      const second = await openPage({ data: `${origin}/fine` }, { mashup, options, before });
      expect((await first()).data).toEqual({ data: '/stray/20' });
      expect((await second()).data).toEqual({ data: '/fine' });
      await closeAll();
    }
  },
  60_000,
);
