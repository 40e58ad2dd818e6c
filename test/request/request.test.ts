import { createServer } from 'node:http';
import type { UpstreamOptions } from '../../src/index.js';
import { listen, originOf, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { ask, newMashup, openPage } from '../support/site.js';

afterEach(closeAll);

describe('method', () => {
  test('is GET unless the page says otherwise', async () => {
    const upstream = await startUpstream();
    await ask(`${upstream.origin}/`);
    expect(upstream.only.method).toBe('GET');
  });

  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'delete'])('%s', async (method) => {
    const upstream = await startUpstream();
    await ask({ url: `${upstream.origin}/`, method });
    expect(upstream.only.method).toBe(method.toUpperCase());
  });

  test('HEAD: the headers are there, and data is null', async () => {
    const upstream = await startUpstream((response) =>
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000, 'x-total': '5' }).end(),
    );
    const { data, outcome } = await ask({ url: `${upstream.origin}/`, method: 'HEAD', maxContentLength: 2000 });
    expect(data).toBeNull();
    expect(outcome).toMatchObject({ status: 'success', response: { status: 200, headers: { 'x-total': '5' } } });
    expect(upstream.only.method).toBe('HEAD');
  });

  test('HEAD: the length of a body that is not sent is no reason to refuse it', async () => {
    const upstream = await startUpstream((response) => response.writeHead(200, { 'content-length': 1e9 }).end());
    const { outcome } = await ask({ url: `${upstream.origin}/`, method: 'HEAD' });
    expect(outcome.status).toBe('success');
  });
});

describe('url', () => {
  test('a literal one, with its query', async () => {
    const upstream = await startUpstream();
    await ask(`${upstream.origin}/a%20b/c?d=%26&e`);
    expect(upstream.only.url).toBe('/a%20b/c?d=%26&e');
  });

  test('without a path', async () => {
    const upstream = await startUpstream();
    await ask(upstream.origin);
    expect(upstream.only.url).toBe('/');
  });

  test('a template', async () => {
    const upstream = await startUpstream();
    await ask(`${upstream.origin}/users/{params.id}/x{?query.lang}`, { path: '/a%2Fb?lang=nb%20no' });
    expect(upstream.only.url).toBe('/users/a%2Fb/x?lang=nb%20no');
  });

  test.each<[string, (origin: string) => UpstreamOptions['url']]>([
    ['text', (origin) => () => `${origin}/x?a=1#hash`],
    ['a URL', (origin) => () => new URL('/x?a=1', origin)],
    [
      'a promise',
      (origin) =>
        async ({ params }) =>
          `${origin}/x?a=${params['id']}`,
    ],
  ])('a function that gives %s', async (_, make) => {
    const upstream = await startUpstream();
    await ask({ url: make(upstream.origin), origins: [upstream.origin] });
    expect(upstream.only.url).toBe('/x?a=1');
  });

  test.each<[string, unknown, string]>([
    ['a relative URL', '/x', 'its URL is not a URL'],
    ['nothing', undefined, 'its url function returned neither a string nor a URL'],
    ['an object', { href: 'http://127.0.0.1/' }, 'its url function returned neither a string nor a URL'],
    ['another scheme', 'file:///etc/passwd', 'its URL is neither http nor https'],
    ['credentials', 'http://ann:secret@127.0.0.1/', "its URL has credentials in it: use 'auth'"],
    ['a very long URL', `http://127.0.0.1/${'x'.repeat(70_000)}`, 'its URL is longer than 65536 characters'],
  ])('a function that gives %s fails the call', async (_, url, message) => {
    const { outcome } = await ask({ url: (() => url) as () => string, origins: ['http://127.0.0.1'] });
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_URL', message: `upstream 'it': ${message}`, url: null });
  });

  test('a function that throws fails the call', async () => {
    const url = () => {
      throw new TypeError('no place');
    };
    const { outcome } = await ask({ url, origins: 'public' });
    expect(outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_HOOK',
      message: "upstream 'it': its url function threw TypeError: no place",
    });
  });

  test('a function that gives an origin that is not listed is blocked, and not asked', async () => {
    const listed = await startUpstream();
    const other = await startUpstream();
    const { outcome } = await ask({ url: () => `${other.origin}/?q=secret`, origins: [listed.origin] });
    expect(outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_BLOCKED',
      message: `upstream 'it': its url function returned a URL of ${other.origin}, which is not in origins`,
    });
    expect(other.connections).toBe(0);
  });
});

describe('connections', () => {
  test('are kept alive and used again', async () => {
    const upstream = await startUpstream();
    const visit = await openPage({ it: `${upstream.origin}/` });
    for (let request = 0; request < 5; request++) await visit();
    expect(upstream.sent).toHaveLength(5);
    expect(upstream.connections).toBe(1);
  });

  test('are as many as are needed at once, and all of them kept', async () => {
    const upstream = await startUpstream();
    const visit = await openPage({ a: `${upstream.origin}/a`, b: `${upstream.origin}/b`, c: `${upstream.origin}/c` });
    await visit();
    await visit();
    expect(upstream.sent).toHaveLength(6);
    expect(upstream.connections).toBe(3);
  });

  test('are shared by the pages of an instance, and by no others', async () => {
    const upstream = await startUpstream();
    const mashup = newMashup();
    for (const path of ['/a', '/b']) await (await openPage({ it: upstream.origin + path }, { mashup }))();
    expect(upstream.connections).toBe(1);
    await ask(`${upstream.origin}/c`);
    expect(upstream.connections).toBe(2);
  });

  test('are not kept after an answer that says so', async () => {
    const upstream = await startUpstream((response) => response.setHeader('connection', 'close').end('x'));
    const visit = await openPage({ it: `${upstream.origin}/` });
    await visit();
    await visit();
    expect(upstream.connections).toBe(2);
  });

  test('are kept after an answer with an error status', async () => {
    const upstream = await startUpstream((response) => response.writeHead(500).end('x'));
    const visit = await openPage({ it: `${upstream.origin}/` });
    await visit();
    await visit();
    expect(upstream.connections).toBe(1);
  });

  test('carry one request at a time', async () => {
    let open = 0;
    let most = 0;
    const server = createServer((_, response) => {
      most = Math.max(most, ++open);
      // The other answer waits for this one to be asked for: both are in flight at once, so on two connections.
      if (open === 2) for (const waiting of responses.splice(0).concat(response)) waiting.end('x', () => open--);
      else responses.push(response);
    });
    const responses: { end(text: string, done: () => void): unknown }[] = [];
    let connections = 0;
    server.on('connection', () => connections++);
    const origin = originOf(await listen(server));
    await (await openPage({ a: `${origin}/a`, b: `${origin}/b` }))();
    expect([most, connections]).toEqual([2, 2]);
  });
});
