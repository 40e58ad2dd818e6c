import { createServer, type Server } from 'node:https';
import { Agent } from 'undici';
import { listen, originOf, type Recorder, startUpstream } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { ask, newMashup } from '../support/site.js';

afterEach(closeAll);

/** An upstream that redirects everything. */
async function startRedirect(location: string, status = 302): Promise<Recorder> {
  return await startUpstream((response) => response.writeHead(status, { location }).end());
}

// What is sent beside those that every request has.
const headers = {
  Authorization: 'Bearer t',
  Cookie: 'sid=1',
  Host: 'virtual.example.com',
  'X-API-Key': 'k',
  'X-Custom': 'x',
  Accept: 'text/html',
  'Accept-Language': 'nb',
  'User-Agent': 'mine',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'a=1',
};

describe('the headers of a redirected request', () => {
  test('are all kept for the same origin', async () => {
    const upstream = await startUpstream((response, { url }) =>
      url === '/' ? response.writeHead(302, { location: '/to' }).end() : response.end(),
    );
    const auth = { username: 'ann', password: 'pw' };
    const { Authorization: _, ...rest } = headers;
    await ask(
      { url: `${upstream.origin}/`, headers: rest, auth, forward: ['x-client'] },
      { headers: { 'x-client': 'c' } },
    );
    const [first, second] = upstream.sent;
    expect(second?.headers).toEqual(first?.headers);
    expect(second?.headers).toMatchObject({ 'x-api-key': 'k', cookie: 'sid=1', 'x-client': 'c' });
  });

  test('are only the harmless ones for another origin, which another port is', async () => {
    const other = await startUpstream();
    const upstream = await startRedirect(`${other.origin}/to`);
    const { outcome } = await ask(
      { url: `${upstream.origin}/`, headers, origins: [other.origin], forward: ['x-client', 'accept-language'] },
      { headers: { 'x-client': 'secret' } },
    );
    expect(outcome).toMatchObject({ status: 'success', response: { url: `${other.origin}/to` } });
    expect(upstream.only.headers).toMatchObject({ 'x-api-key': 'k', 'x-client': 'secret' });
    expect(other.only.headers).toEqual({
      host: other.origin.slice('http://'.length),
      connection: 'keep-alive',
      accept: 'text/html',
      'accept-encoding': 'gzip, deflate, br',
      'accept-language': 'nb',
      'user-agent': 'mine',
      traceparent: headers.traceparent,
      tracestate: 'a=1',
    });
  });

  test('have no credentials of `auth` for another origin', async () => {
    const other = await startUpstream();
    const upstream = await startRedirect(`${other.origin}/to`);
    await ask({ url: `${upstream.origin}/`, auth: { username: 'ann', password: 'pw' }, origins: [other.origin] });
    expect(upstream.only.headers.authorization).toMatch(/^Basic /);
    expect(other.only.headers).not.toHaveProperty('authorization');
  });

  test('that were dropped do not come back with the first origin', async () => {
    const other = await startUpstream((response) =>
      response.writeHead(302, { location: `${upstream.origin}/back` }).end(),
    );
    const upstream: Recorder = await startUpstream((response, { url }) =>
      url === '/' ? response.writeHead(302, { location: other.origin }).end() : response.end(),
    );
    await ask({ url: `${upstream.origin}/`, headers, origins: [other.origin] });
    expect(upstream.sent.map((sent) => [sent.url, sent.headers['x-api-key']])).toEqual([
      ['/', 'k'],
      ['/back', undefined],
    ]);
  });
});

describe('a body', () => {
  test.each<[status: number, method: string]>([
    [307, 'POST'],
    [308, 'POST'],
    [301, 'PUT'],
    [302, 'PATCH'],
  ])('is not sent to another origin: %i of %s', async (status, method) => {
    const other = await startUpstream();
    const upstream = await startRedirect(other.origin, status);
    const { outcome } = await ask({ url: `${upstream.origin}/`, method, data: { a: 1 }, origins: [other.origin] });
    expect(outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_REDIRECT',
      message: expect.stringContaining('it redirects a request body to another origin'),
    });
    expect(other.connections).toBe(0);
  });

  test.each([301, 302, 303])('that %i drops is no obstacle', async (status) => {
    const other = await startUpstream();
    const upstream = await startRedirect(other.origin, status);
    await ask({ url: `${upstream.origin}/`, method: 'POST', data: { a: 1 }, origins: [other.origin] });
    expect([other.only.method, other.only.body.length]).toEqual(['GET', 0]);
  });

  test.each([307, 308])('that there is none of is no obstacle to %i', async (status) => {
    const other = await startUpstream();
    const upstream = await startRedirect(other.origin, status);
    await ask({ url: `${upstream.origin}/`, method: 'POST', origins: [other.origin] });
    expect(other.only.method).toBe('POST');
  });
});

describe('a private address that is not in origins', () => {
  const blocked = {
    code: 'ERR_UPSTREAM_BLOCKED',
    status: 502,
    message: expect.stringContaining('is not a public internet address'),
  };
  const portOf = ({ origin }: Recorder) => new URL(origin).port;

  test.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '0.0.0.0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    'localhost',
  ])('is not connected to: %s', async (host) => {
    const canary = await startUpstream();
    const upstream = await startRedirect(`http://${host}:${portOf(canary)}/`);
    const { data, outcome } = await ask(`${upstream.origin}/`);
    expect(data).toBeNull();
    expect(outcome.error).toMatchObject(blocked);
    expect(canary.connections).toBe(0);
  });

  test.each(['10.0.0.1', '192.168.1.1', '169.254.169.254', '[fe80::1]', '[fd00:ec2::254]', '100.100.100.200'])(
    'is refused: %s',
    async (host) => {
      const upstream = await startRedirect(`http://${host}/latest/meta-data/`);
      expect((await ask(`${upstream.origin}/`)).outcome.error).toMatchObject(blocked);
    },
  );

  test('is refused at the second hop as at the first', async () => {
    const canary = await startUpstream();
    const second = await startRedirect(canary.origin);
    const first = await startRedirect(second.origin);
    const { outcome } = await ask({ url: `${first.origin}/`, origins: [second.origin] });
    expect(second.sent).toHaveLength(1);
    expect(outcome.error).toMatchObject(blocked);
    expect(canary.connections).toBe(0);
  });

  test('is refused for a url function, too, whose origins are public', async () => {
    const canary = await startUpstream();
    const { outcome } = await ask({ url: () => canary.origin, origins: 'public' });
    expect(outcome.error).toMatchObject(blocked);
    expect(canary.connections).toBe(0);
  });

  test("is refused where a dispatcher of the user's own sends the requests", async () => {
    const canary = await startUpstream();
    const upstream = await startRedirect(canary.origin);
    const mashup = newMashup({ dispatcher: newAgent({}) });
    const { outcome } = await ask(`${upstream.origin}/`, {}, { mashup });
    expect(outcome.error).toMatchObject(blocked);
    expect([upstream.sent.length, canary.connections]).toEqual([1, 0]);
  });

  test('is fine where the page lists it', async () => {
    const other = await startUpstream();
    const upstream = await startRedirect(other.origin);
    const { outcome } = await ask({ url: `${upstream.origin}/`, origins: [other.origin] });
    expect(outcome.status).toBe('success');
  });
});

describe('from https down to http', () => {
  // No certificate is needed for this: both sides agree to go without.
  const anonymous = { ciphers: 'AECDH-AES128-SHA@SECLEVEL=0', maxVersion: 'TLSv1.2' } as const;
  const trusting = () => newMashup({ dispatcher: newAgent({ connect: { ...anonymous, rejectUnauthorized: false } }) });

  async function startSecure(location: string): Promise<string> {
    const server: Server = createServer(anonymous, (_, response) => response.writeHead(302, { location }).end());
    return originOf(await listen(server as never)).replace('http:', 'https:');
  }

  test('is refused', async () => {
    const plain = await startUpstream();
    const secure = await startSecure(plain.origin);
    const { outcome } = await ask(`${secure}/`, {}, { mashup: trusting() });
    expect(outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_REDIRECT',
      message: expect.stringContaining('it redirects from https down to http'),
    });
    expect(plain.connections).toBe(0);
  });

  test('is followed where the page lists that origin', async () => {
    const plain = await startUpstream();
    const secure = await startSecure(plain.origin);
    const entry = { url: `${secure}/`, origins: [plain.origin], headers };
    const { outcome } = await ask(entry, {}, { mashup: trusting() });
    expect(outcome.status).toBe('success');
    expect(plain.only.headers).not.toHaveProperty('x-api-key');
  });
});

function newAgent(options: Agent.Options): Agent {
  const agent = new Agent(options);
  closeLater(() => agent.destroy());
  return agent;
}
