import type { UpstreamOptions } from '../../src/index.js';
import { type Sent, startRawBackend, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred } from '../support/deferred.js';
import { ask } from '../support/site.js';

afterEach(closeAll);

type Hop = [status: number, location: string | undefined];

/** An upstream that redirects from the paths that are named, and answers `{"at":path}` at all others. */
async function startHops(hops: Record<string, Hop>) {
  return await startUpstream((response, { url }) => {
    const [status, location] = hops[url] ?? [200, undefined];
    if (location !== undefined) response.setHeader('location', location);
    response.statusCode = status;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ at: url }));
  });
}

/** Asks for `/from`. */
async function follow(hops: Record<string, Hop>, options: Partial<UpstreamOptions> = {}) {
  const upstream = await startHops(hops);
  const { data, outcome } = await ask({ url: `${upstream.origin}/from`, ...options });
  return { data, outcome, sent: upstream.sent, origin: upstream.origin };
}

describe('a redirect', () => {
  test.each([301, 302, 303, 307, 308])('%i is followed', async (status) => {
    const { data, outcome, sent, origin } = await follow({ '/from': [status, '/to?key=secret'] });
    expect(data).toEqual({ at: '/to?key=secret' });
    expect(sent.map(({ url }) => url)).toEqual(['/from', '/to?key=secret']);
    expect(outcome).toMatchObject({ attempts: 1, response: { status: 200, url: `${origin}/to?key=…` } });
  });

  test.each([300, 304, 305, 306, 399])('%i is none', async (status) => {
    const { outcome, sent } = await follow({ '/from': [status, '/to'] });
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: status });
    expect(sent).toHaveLength(1);
  });

  test.each([301, 302, 303, 307, 308])('%i without a Location is judged by its status', async (status) => {
    const { outcome } = await follow({ '/from': [status, undefined] });
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: status });
    const accepted = await follow({ '/from': [status, undefined] }, { validateStatus: null });
    expect(accepted.data).toEqual({ at: '/from' });
  });

  test('is not judged by its own status, but by the last one', async () => {
    const validateStatus = (status: number) => status === 404;
    const { data, outcome } = await follow({ '/from': [302, '/to'], '/to': [404, undefined] }, { validateStatus });
    expect([data, outcome.response?.status]).toEqual([{ at: '/to' }, 404]);
  });

  test('with a body of its own is read to its end, so that the connection is used again', async () => {
    const upstream = await startHops({ '/from': [302, '/to'] });
    await ask(`${upstream.origin}/from`);
    expect(upstream.sent).toHaveLength(2);
    expect(upstream.connections).toBe(1);
  });
});

describe('the method and the body', () => {
  const body = { data: { a: 1 }, headers: { 'Content-Language': 'nb', 'X-Key': 'k' } };

  test.each<[status: number, from: string, to: string]>([
    [301, 'GET', 'GET'],
    [302, 'GET', 'GET'],
    [303, 'GET', 'GET'],
    [301, 'HEAD', 'HEAD'],
    [303, 'HEAD', 'HEAD'],
    [307, 'DELETE', 'DELETE'],
    [301, 'DELETE', 'DELETE'],
    [303, 'DELETE', 'GET'],
  ])('%i: %s becomes %s', async (status, method, expected) => {
    const { sent } = await follow({ '/from': [status, '/to'] }, { method });
    expect(sent.map((one) => one.method)).toEqual([method, expected]);
  });

  test.each<[status: number, method: string]>([
    [301, 'POST'],
    [302, 'POST'],
    [303, 'POST'],
    [303, 'PUT'],
    [303, 'PATCH'],
  ])('%i: %s becomes GET, without the body and what describes it', async (status, method) => {
    const { sent } = await follow({ '/from': [status, '/to'] }, { method, ...body });
    const [from, to] = sent as [Sent, Sent];
    expect([from.method, from.body.toString()]).toEqual([method, '{"a":1}']);
    expect([to.method, to.body.toString()]).toEqual(['GET', '']);
    expect(Object.keys(to.headers).filter((name) => name.startsWith('content-'))).toEqual([]);
    expect(to.headers['x-key']).toBe('k');
  });

  test.each<[status: number, method: string]>([
    [301, 'PUT'],
    [302, 'PATCH'],
    [307, 'POST'],
    [307, 'PUT'],
    [308, 'POST'],
    [308, 'PATCH'],
  ])('%i: %s stays, and the body is sent again', async (status, method) => {
    const { sent } = await follow({ '/from': [status, '/to'] }, { method, ...body });
    for (const one of sent) {
      expect([one.method, one.body.toString()]).toEqual([method, '{"a":1}']);
      expect(one.headers).toMatchObject({ 'content-type': 'application/json', 'content-language': 'nb' });
    }
    expect(sent).toHaveLength(2);
  });
});

describe('maxRedirects', () => {
  const chain = Object.fromEntries(
    Array.from({ length: 6 }, (_, at): [string, Hop] => [at === 0 ? '/from' : `/${at}`, [302, `/${at + 1}`]]),
  );

  test('is 5 by default', async () => {
    const { data: _, ...rest } = await follow(chain);
    expect(rest.outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_REDIRECT',
      message: expect.stringContaining('it redirects more than 5 times'),
    });
    expect(rest.sent).toHaveLength(6);
  });

  test('as many are followed, and no more', async () => {
    expect((await follow(chain, { maxRedirects: 6 })).data).toEqual({ at: '/6' });
    const { outcome, sent } = await follow(chain, { maxRedirects: 1 });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_REDIRECT');
    expect(sent.map(({ url }) => url)).toEqual(['/from', '/1']);
  });

  test('ends a circle', async () => {
    const { outcome, sent } = await follow({ '/from': [302, '/from'] });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_REDIRECT');
    expect(sent).toHaveLength(6);
  });

  test('0: a redirect is an answer, judged by validateStatus', async () => {
    const { outcome, sent } = await follow({ '/from': [302, '/to'] }, { maxRedirects: 0 });
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 302 });
    expect(sent).toHaveLength(1);
  });

  test('0: and may be a success', async () => {
    const validateStatus = (status: number) => status < 400;
    const { data, outcome } = await follow({ '/from': [302, 'file:///x'] }, { maxRedirects: 0, validateStatus });
    expect(data).toEqual({ at: '/from' });
    expect(outcome.response).toMatchObject({ status: 302, headers: { location: 'file:///x' } });
  });
});

describe('Location', () => {
  test.each([
    ['/x', '/x'],
    ['x', '/a/x'],
    ['./x', '/a/x'],
    ['../x', '/x'],
    ['../../../x', '/x'],
    ['?q=2', '/a/from?q=2'],
    ['/x#fragment', '/x'],
    ['/x y', '/x%20y'],
    ['/x?a=b c', '/x?a=b%20c'],
    [' /x ', '/x'],
  ])('%p leads to %s', async (location, expected) => {
    const upstream = await startHops({ '/a/from?q=1': [302, location] });
    await ask(`${upstream.origin}/a/from?q=1`);
    expect(upstream.sent[1]?.url).toBe(expected);
  });

  test('without a scheme leads to the same one', async () => {
    const upstream = await startUpstream((response, { url }) => {
      if (url === '/from')
        response.writeHead(302, { location: `//${upstream.origin.slice('http://'.length)}/to` }).end();
      else response.end();
    });
    await ask(`${upstream.origin}/from`);
    expect(upstream.sent[1]?.url).toBe('/to');
  });

  /** Where a Location header of these bytes leads. */
  async function led(location: string): Promise<string[]> {
    const asked: string[] = [];
    const origin = await startRawBackend((socket) => {
      socket.on('data', (bytes) => {
        asked.push(bytes.toString().split(' ')[1] ?? '');
        const status = asked.length === 1 ? '302 Found' : '200 OK';
        socket.write(`HTTP/1.1 ${status}\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`, 'latin1');
      });
    });
    await ask(`${origin}/from`);
    return asked;
  }

  test('in UTF-8 leads where its writer meant', async () => {
    expect(await led(Buffer.from('/Bjørn?ø=€#ø').toString('latin1'))).toEqual([
      '/from',
      '/Bj%C3%B8rn?%C3%B8=%E2%82%AC',
    ]);
  });

  test('in other bytes leads to those bytes', async () => {
    expect(await led('/Bj\xf8rn?\xff=\xe2\x82')).toEqual(['/from', '/Bj%F8rn?%FF=%E2%82']);
  });

  test.each(['/to\r\nLocation: /to', '/to\r\nLocation: /to\r\nlocation:/to \t', '/to, /to', '/to, /to, /to', '/to\t'])(
    'that comes more than once, and is the same, leads there: %j',
    async (location) => {
      expect(await led(location)).toEqual(['/from', '/to']);
    },
  );

  test.each<[string, string]>([
    ['/a,b', '/a,b'],
    ['/a,/a', '/a,/a'],
    ['/a, b', '/a,%20b'],
    ['/to, /to2', '/to,%20/to2'],
  ])('with a comma in it is one: %j', async (location, path) => expect(await led(location)).toEqual(['/from', path]));

  test('to two places is a REDIRECT error', async () => {
    const upstream = await startUpstream((response) =>
      response.writeHead(302, { location: ['/a', '/b'] as never }).end(),
    );
    const { outcome } = await ask(`${upstream.origin}/from`);
    expect(outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_REDIRECT',
      upstreamStatus: 302,
      message: expect.stringContaining('it redirects to more than one place'),
    });
    expect(upstream.sent).toHaveLength(1);
  });

  test.each([
    ['file:///etc/passwd', 'it redirects to something other than http and https'],
    ['ftp://127.0.0.1/', 'it redirects to something other than http and https'],
    ['javascript:alert(1)', 'it redirects to something other than http and https'],
    ['data:text/plain,x', 'it redirects to something other than http and https'],
    ['mailto:ann@example.com', 'it redirects to something other than http and https'],
    ['http://', 'its redirect is not to a URL'],
    ['http://[::1', 'its redirect is not to a URL'],
    ['http://a b/', 'its redirect is not to a URL'],
    ['http://ann:secret@127.0.0.1/', 'its redirect carries credentials'],
    ['//ann@127.0.0.1/', 'its redirect carries credentials'],
  ])('%p is refused', async (location, message) => {
    const { data, outcome, sent } = await follow({ '/from': [302, location] });
    expect(data).toBeNull();
    expect(outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_REDIRECT',
      message: expect.stringContaining(message),
      status: 502,
    });
    expect(JSON.stringify(outcome)).not.toContain('secret');
    expect(sent).toHaveLength(1);
  });

  test('with credentials for the same origin is refused too', async () => {
    const upstream = await startUpstream((response) => {
      response.writeHead(302, { location: upstream.origin.replace('//', '//ann:secret@') }).end();
    });
    const { outcome } = await ask(`${upstream.origin}/from`);
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_REDIRECT');
    expect(upstream.sent).toHaveLength(1);
  });
});

describe('a redirect is followed from its head, though its body', () => {
  const head = (location: string, rest: string) => `HTTP/1.1 302 Found\r\nLocation: ${location}\r\n${rest}`;

  test.each<[string, string]>([
    ['has no end', 'Content-Length: 100000\r\n\r\nabc'],
    ['is larger than what may come', `Content-Length: ${64 * 1024 * 1024}\r\n\r\nabc`],
    ['breaks', 'Transfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['ends with its connection', '\r\nabc'],
  ])('%s', async (_how, rest) => {
    const target = await startUpstream((response) => response.end('there'));
    const origin = await startRawBackend((socket) => {
      socket.on('data', () => socket.write(head(`${target.origin}/to`, rest)));
    });
    const { data, outcome } = await ask({ url: `${origin}/from`, origins: [target.origin], responseType: 'text' });
    expect(outcome).toMatchObject({ status: 'success', response: { url: `${target.origin}/to` } });
    expect(data).toBe('there');
  });

  test('goes on and on: the connection is closed when there was enough of it, or the call has ended', async () => {
    const closed = deferred();
    const target = await startUpstream((response) => response.end('there'));
    const origin = await startRawBackend((socket) => {
      socket.on('close', closed.resolve);
      socket.on('data', () => {
        socket.write(head(`${target.origin}/to`, 'Transfer-Encoding: chunked\r\n\r\n'));
        const more = () => {
          while (!socket.destroyed && socket.write(`400\r\n${'x'.repeat(1024)}\r\n`));
        };
        socket.on('drain', more);
        more();
      });
    });
    const { outcome } = await ask({ url: `${origin}/from`, origins: [target.origin] });
    expect(outcome.status).toBe('success');
    await closed.promise;
  });

  test('is short: its connection is used again', async () => {
    const upstream = await startUpstream((response, { url }) => {
      if (url === '/from') response.writeHead(302, { location: '/to' }).end('moved');
      else response.end('there');
    });
    expect((await ask(`${upstream.origin}/from`)).outcome.status).toBe('success');
    expect(upstream.connections).toBe(1);
  });
});
