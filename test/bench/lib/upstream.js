// The upstream servers: as little work as Node can do for an answer, so that they are never what is measured. They look
// for the end of a request's head and write bytes made beforehand. GET only. Its headers are those that node:http sends.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { now } from './clock.js';
import { body, text } from './payload.js';

const END = '\r\n\r\n';

function response(content, { status = '200 OK', type = 'json', gzip = false, maxAge = null } = {}) {
  const bytes = gzip ? gzipSync(content) : Buffer.from(content);
  const head = [
    `HTTP/1.1 ${status}`,
    `Content-Type: ${type === 'text' ? 'text/html' : 'application/json'}; charset=utf-8`,
    ...(gzip ? ['Content-Encoding: gzip'] : []),
    ...(maxAge === null ? [] : [`Cache-Control: max-age=${maxAge}`]),
    `Content-Length: ${bytes.length}`,
    `Date: ${new Date().toUTCString()}`,
    'Connection: keep-alive',
    'Keep-Alive: timeout=60',
  ];
  return Buffer.concat([Buffer.from(head.join('\r\n') + END), bytes]);
}

/** Numbers from 0 to 1, the same in every run. */
function random() {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * Starts the servers of `config`. `/data/3` is upstream 3, `/podlet/3` its Podium manifest, `/slow/90` takes 90 ms,
 * `/lazy/3` takes 5 ms but now and then 500, `/hold/3` answers like `/data/3` when `release` is called, `/hang` never.
 */
export async function upstream({ origins, upstreams, size, type, gzip, maxAge }) {
  const answers = new Map();
  for (let index = 0; index < upstreams; index++) {
    const content = type === 'text' ? text(index, size) : body(index, size);
    answers.set(`/data/${index}`, response(content, { type, gzip, maxAge }));
  }
  const held = [];
  const isLazy = random();
  let served = 0;

  const special = {
    slow: (socket, delay) =>
      setTimeout(() => {
        const text =
          type === 'text' ? `<p>slow: ${delay} ms</p>` : JSON.stringify({ delay: Number(delay), sent: now() });
        socket.write(response(text, { type }));
      }, Number(delay)),
    lazy: (socket, index) => setTimeout(() => socket.write(answers.get(`/data/${index}`)), isLazy() < 0.02 ? 500 : 5),
    hold: (socket, index) => held.push(() => socket.write(answers.get(`/data/${index}`))),
    hang: () => {},
  };
  const respond = (socket, request) => {
    const path = request.latin1Slice(4, request.indexOf(' ', 4));
    const answer = answers.get(path);
    served++;
    if (answer) return socket.write(answer);
    const [, name, argument] = path.split('/');
    if (special[name]) special[name](socket, argument);
    else socket.write(response('null', { status: '404 Not Found' }));
  };
  const serve = (socket) => {
    let rest = null;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      let data = rest ? Buffer.concat([rest, chunk]) : chunk;
      for (let end = data.indexOf(END); end >= 0; end = data.indexOf(END)) {
        respond(socket, data);
        data = data.subarray(end + END.length);
      }
      rest = data.length ? data : null;
    });
  };

  const urls = [];
  for (let index = 0; index < origins; index++) {
    const server = createServer(serve).listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
    await once(server, 'listening');
    urls.push(`http://127.0.0.1:${server.address().port}`);
  }
  for (let index = 0; index < upstreams; index++) {
    const content = `${urls[index % origins]}/data/${index}`;
    answers.set(`/podlet/${index}`, response(JSON.stringify({ name: `podlet${index}`, version: '1.0.0', content })));
  }
  const release = () => {
    for (const write of held.splice(0)) write();
  };
  return { origins: urls, served: () => served, held: () => held.length, release };
}
