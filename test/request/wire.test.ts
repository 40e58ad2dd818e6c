import { startRawBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { ask, openPage } from '../support/site.js';

afterEach(closeAll);

/** An upstream that keeps every byte it is sent, as Latin-1, and answers each piece with `{}`. */
async function startTap() {
  const pieces: string[] = [];
  const origin = await startRawBackend((socket) => {
    socket.on('data', (bytes) => {
      pieces.push(bytes.toString('latin1'));
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}');
    });
  });
  return { origin, host: origin.slice('http://'.length), pieces };
}

describe('the bytes of a request', () => {
  test('without a body', async () => {
    const { origin, host, pieces } = await startTap();
    await ask(`${origin}/users/{params.id}`, { path: '/7' });
    expect(pieces.join('')).toBe(
      [
        'GET /users/7 HTTP/1.1',
        `host: ${host}`,
        'connection: keep-alive',
        'accept: application/json, text/plain, */*',
        'accept-encoding: gzip, deflate, br',
        'user-agent: express-mashup',
        '',
        '',
      ].join('\r\n'),
    );
  });

  test('with a body', async () => {
    const { origin, host, pieces } = await startTap();
    await ask({ url: `${origin}/`, method: 'post', data: { name: 'Bjørn' }, headers: { Accept: null, 'X-Key': 'ø' } });
    expect(pieces.join('')).toBe(
      [
        'POST / HTTP/1.1',
        `host: ${host}`,
        'connection: keep-alive',
        'accept-encoding: gzip, deflate, br',
        'user-agent: express-mashup',
        'x-key: ø',
        'content-type: application/json',
        'content-length: 17',
        '',
        Buffer.from('{"name":"Bjørn"}').toString('latin1'),
      ].join('\r\n'),
    );
  });

  test('two on one connection', async () => {
    const { origin, pieces } = await startTap();
    const visit = await openPage({ it: `${origin}/{params.id}` });
    await visit({ path: '/1' });
    await visit({ path: '/2' });
    expect(pieces.map((piece) => piece.split('\r\n')[0])).toEqual(['GET /1 HTTP/1.1', 'GET /2 HTTP/1.1']);
  });
});

describe('the client cannot write into a request', () => {
  test.each([
    ['a line break in the path', '/a%0d%0aX-Evil:%201'],
    ['another path', '/..'],
    ['another path, with its dots encoded', '/%2e%2e'],
    ['another path, encoded', '/%2e%2e%2fadmin'],
    ['a NUL', '/a%00'],
  ])('%s: nothing is sent', async (_, path) => {
    const { origin, pieces } = await startTap();
    const { outcome } = await ask(`${origin}/users/{params.id}`, { path });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_URL');
    expect(pieces).toEqual([]);
  });

  test.each([
    ['a line break in the query', '/1?q=a%0d%0aX-Evil:%201', 'GET /1?q=a%0D%0AX-Evil%3A%201 HTTP/1.1'],
    ['another parameter', '/1?q=a%26admin%3D1', 'GET /1?q=a%26admin%3D1 HTTP/1.1'],
    ['a fragment', '/1?q=%23', 'GET /1?q=%23 HTTP/1.1'],
    ['a path that looks like a host', '/%2f%2fevil.example?q=1', 'GET /%2F%2Fevil.example?q=1 HTTP/1.1'],
  ])('%s stays a value', async (_, path, line) => {
    const { origin, pieces } = await startTap();
    await ask(`${origin}/{params.id}{?query.q}`, { path });
    expect(pieces.join('').split('\r\n')[0]).toBe(line);
    expect(pieces.join('').toLowerCase()).not.toContain('\r\nx-evil');
  });
});
