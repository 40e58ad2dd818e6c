import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { closeAll } from '../support/closing.js';
import { newMashup } from '../support/site.js';
import { report } from './report.js';

// An upstream in a thread of its own. It tells that it was asked, and answers when this thread is blocked; when it has
// answered it lets it go on, which finds the last of the body and the end of the connection in one look.
const upstreamSource = `
  const { createServer } = require('node:net');
  const { parentPort, workerData: state } = require('node:worker_threads');
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('close', () => {
      Atomics.store(state, 0, 3);
      Atomics.notify(state, 0);
    });
    socket.on('data', (head) => {
      Atomics.store(state, 0, 1);
      Atomics.wait(state, 0, 1);
      const end = head.includes('/reset') ? () => socket.resetAndDestroy() : () => socket.destroy();
      socket.write('HTTP/1.1 200 OK\\r\\ncontent-type: text/plain\\r\\n\\r\\nhalf', end);
    });
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

const state = new Int32Array(new SharedArrayBuffer(4));
let worker: Worker;
let origin: string;

beforeAll(async () => {
  worker = new Worker(upstreamSource, { eval: true, workerData: state });
  const [port] = await once(worker, 'message');
  origin = `http://127.0.0.1:${port}`;
});
afterEach(closeAll);
afterAll(() => worker.terminate());

/** Asks for a page, and is blocked from when the upstream is asked until it has answered. */
async function blockedWhileAnswered(path: string) {
  Atomics.store(state, 0, 0);
  const found = report(newMashup(), { it: origin + path }, { deadline: 10_000 });
  while (Atomics.load(state, 0) !== 1) await new Promise((resolve) => setImmediate(resolve));
  Atomics.store(state, 0, 2);
  Atomics.notify(state, 0);
  Atomics.wait(state, 0, 2);
  return await found;
}

test('a body without a length that ends with its connection is whole, also if both come at once', async () => {
  expect((await blockedWhileAnswered('/end')).data).toEqual({ it: 'half' });
});

test('a body without a length whose connection is reset is NETWORK, also if both come at once', async () => {
  const { outcomes, data } = await blockedWhileAnswered('/reset');
  expect(outcomes['it']).toMatchObject({ status: 'error', code: 'ERR_UPSTREAM_NETWORK' });
  expect(data).toEqual({ it: null });
});
