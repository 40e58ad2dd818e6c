// The upstream servers: as little work as Node can do for an answer, so that they are never what is measured. They look
// for the end of a request's head and write bytes made beforehand. GET only. Its headers are those that node:http sends.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { now } from './clock.js';
import { body } from './payload.js';

const END = '\r\n\r\n';

function response(text, status = '200 OK') {
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(text)}`,
    `Date: ${new Date().toUTCString()}`,
    'Connection: keep-alive',
    'Keep-Alive: timeout=60',
  ];
  return Buffer.from(head.join('\r\n') + END + text);
}

/** Starts the servers of `config`. `/data/3` is upstream 3, `/podlet/3` its Podium manifest, `/slow/90` takes 90 ms. */
export async function upstream({ origins, upstreams, size }) {
  const answers = new Map();
  for (let index = 0; index < upstreams; index++) {
    answers.set(`/data/${index}`, response(body(index, size)));
  }
  let served = 0;

  const slow = (socket, path) => {
    const delay = Number(/^\/slow\/(\d+)$/.exec(path)?.[1]);
    if (Number.isNaN(delay)) return socket.write(response('null', '404 Not Found'));
    setTimeout(() => socket.write(response(JSON.stringify({ delay, sent: now() }))), delay);
  };
  const respond = (socket, request) => {
    const path = request.latin1Slice(4, request.indexOf(' ', 4));
    const answer = answers.get(path);
    served++;
    if (answer) socket.write(answer);
    else slow(socket, path);
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
    const server = createServer(serve).listen(0, '127.0.0.1');
    await once(server, 'listening');
    urls.push(`http://127.0.0.1:${server.address().port}`);
  }
  for (let index = 0; index < upstreams; index++) {
    const content = `${urls[index % origins]}/data/${index}`;
    answers.set(`/podlet/${index}`, response(JSON.stringify({ name: `podlet${index}`, version: '1.0.0', content })));
  }
  return { origins: urls, served: () => served };
}
