// The load generator: connections that each ask for the page, wait for the whole answer, and ask again (a closed loop).
// It checks every answer, status and body, and costs little, since it shares its core with the upstreams.
import { once } from 'node:events';
import { connect } from 'node:net';

const END = '\r\n\r\n';
const OK = 'HTTP/1.1 200 ';
const request = (path) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n`);

/** One keep-alive connection. `ask` writes a request; `onAnswer` gets each answer as { status line and headers, body }. */
function connection(port, path, onAnswer, onError) {
  const question = request(path);
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let rest = null;
  socket.on('error', onError);
  socket.on('close', () => onError(new Error('The server closed the connection')));
  socket.on('data', (chunk) => {
    const data = rest ? Buffer.concat([rest, chunk]) : chunk;
    rest = data;
    const end = data.indexOf(END);
    if (end < 0) return;
    const head = data.latin1Slice(0, end);
    const at = head.indexOf('\r\nContent-Length: ');
    if (at < 0) return onError(new Error(`No Content-Length in:\n${head}`));
    const length = Number.parseInt(head.slice(at + 18), 10);
    if (data.length < end + END.length + length) return;
    rest = null;
    onAnswer(head, data.subarray(end + END.length));
  });
  return { socket, asked: 0, ask: () => socket.write(question) };
}

/** Opens `count` connections to a page that must answer `text`. */
export async function open({ port, path = '/', connections: count, text }) {
  const expected = Buffer.from(text);
  let running = null;
  let latencies = [];

  const fail = (error) => running?.reject(error);
  const onAnswer = (head, body, self) => {
    if (!head.startsWith(OK) || !body.equals(expected)) return fail(new Error(`Wrong answer:\n${head}\n\n${body}`));
    const time = performance.now();
    latencies.push(time - self.asked);
    self.asked = time;
    if (time < running.until) self.ask();
    else if (--running.busy === 0) running.resolve();
  };
  const connections = Array.from({ length: count }, () => {
    const self = connection(port, path, (head, body) => onAnswer(head, body, self), fail);
    return self;
  });
  await Promise.all(connections.map(({ socket }) => once(socket, 'connect')));

  /** Loads the page for `ms`, then lets what is under way end: all of it counts. */
  const run = async (ms) => {
    const started = performance.now();
    latencies = [];
    await new Promise((resolve, reject) => {
      running = { busy: count, until: started + ms, resolve, reject };
      for (const self of connections) {
        self.asked = performance.now();
        self.ask();
      }
    });
    running = null;
    return { pages: latencies.length, ms: performance.now() - started };
  };
  const close = () => {
    for (const { socket } of connections) socket.removeAllListeners('close').destroy();
  };
  return { run, close, latencies: () => latencies };
}
