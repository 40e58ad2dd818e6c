import { createServer } from 'node:http';
import { connect } from 'node:net';
import axios from 'axios';
import { Agent, Dispatcher, MockAgent, ProxyAgent } from 'undici';
import { createMashup } from '../../src/index.js';
import { deadOrigin, json, listen, originOf, startUpstream } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { ask, openPage } from '../support/site.js';

afterEach(closeAll);

const askOver = (dispatcher: Dispatcher, url: string, entry = {}) =>
  ask({ url, ...entry }, {}, { mashup: createMashup({ dispatcher }) });

describe('a MockAgent', () => {
  let agent: MockAgent;

  beforeEach(() => {
    agent = new MockAgent();
    agent.disableNetConnect();
    closeLater(() => agent.close());
  });

  const mock = (path: string, method = 'GET') => agent.get('https://api.test').intercept({ path, method });

  test('answers a page', async () => {
    mock('/user').reply(200, { id: 7 }, { headers: { 'content-type': 'application/json', 'x-mocked': 'yes' } });
    mock('/friends/7').reply(200, 'ann', { headers: { 'content-type': 'text/plain' } });
    const upstreams = { user: 'https://api.test/user', friends: 'https://api.test/friends/{user.id}' };
    const { data, outcomes } = await (await openPage(upstreams, { mashup: createMashup({ dispatcher: agent }) }))();
    expect(data).toEqual({ user: { id: 7 }, friends: 'ann' });
    expect(outcomes['user']?.response).toMatchObject({ status: 200, headers: { 'x-mocked': 'yes' } });
    expect(() => agent.assertNoPendingInterceptors()).not.toThrow();
  });

  test('matches headers and bodies', async () => {
    agent
      .get('https://api.test')
      .intercept({ path: '/a', method: 'POST', body: '{"a":1}', headers: { 'x-key': 'k' } })
      .reply(201, '');
    const { outcome } = await askOver(agent, 'https://api.test/a', {
      method: 'POST',
      data: { a: 1 },
      headers: { 'x-key': 'k' },
    });
    expect(outcome).toMatchObject({ status: 'success', response: { status: 201 } });
  });

  test('refuses, breaks and does not match', async () => {
    mock('/gone').reply(410, '');
    mock('/broken').replyWithError(new Error('broken'));
    expect((await askOver(agent, 'https://api.test/gone')).outcome.error?.upstreamStatus).toBe(410);
    expect((await askOver(agent, 'https://api.test/broken')).outcome.error?.message).toContain('broken');
    expect((await askOver(agent, 'https://api.test/other')).outcome.status).toBe('error');
  });

  test('redirects', async () => {
    mock('/from').reply(302, '', { headers: { location: '/to' } });
    mock('/to').reply(200, 'there', { headers: { 'content-type': 'text/plain' } });
    expect((await askOver(agent, 'https://api.test/from')).data).toBe('there');
  });

  test('has the size of its bodies limited', async () => {
    mock('/a').reply(200, 'a'.repeat(11));
    const { outcome } = await askOver(agent, 'https://api.test/a', { maxContentLength: 10 });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_TOO_LARGE');
  });

  test('is not asked for what is not public, where that is a rule', async () => {
    agent.get('http://10.0.0.1').intercept({ path: '/a' }).reply(200, 'private');
    const { outcome } = await askOver(agent, 'http://10.0.0.1', { url: () => 'http://10.0.0.1/a', origins: 'public' });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_BLOCKED');
  });
});

describe('a class of the user', () => {
  type Options = Dispatcher.DispatchOptions;

  /** Sends every request to one server, whatever its origin. */
  class OneServer extends Dispatcher {
    readonly agent = new Agent();
    readonly asked: string[] = [];
    readonly #origin: string;

    constructor(origin: string) {
      super();
      this.#origin = origin;
    }

    override dispatch(options: Options, handler: Dispatcher.DispatchHandler): boolean {
      this.asked.push(`${options.origin}${options.path}`);
      return this.agent.dispatch({ ...options, origin: this.#origin }, handler);
    }
  }

  test('sends the requests', async () => {
    const upstream = await startUpstream((response, { url }) => json(response, url));
    const dispatcher = new OneServer(upstream.origin);
    closeLater(() => dispatcher.agent.destroy());
    const { data, outcome } = await askOver(dispatcher, 'https://api.test/a?b=c');
    expect(data).toBe('/a?b=c');
    expect(dispatcher.asked).toEqual(['https://api.test/a?b=c']);
    expect(outcome.response?.url).toBe('https://api.test/a?b=…');
  });

  class Broken extends Dispatcher {
    readonly #after: number;
    readonly #agent: Dispatcher;
    #count = 0;

    constructor(agent: Dispatcher, after: number) {
      super();
      this.#agent = agent;
      this.#after = after;
    }

    override dispatch(options: Options, handler: Dispatcher.DispatchHandler): boolean {
      if (this.#count++ >= this.#after) throw new TypeError('a bug');
      return this.#agent.dispatch(options, handler);
    }
  }

  test.each([
    ['at once', 0],
    ['at a redirect', 1],
  ])('that throws %s makes an outcome, and others are not held up', async (_, after) => {
    const upstream = await startUpstream((response) => response.writeHead(302, { location: '/b' }).end());
    const agent = new Agent();
    closeLater(() => agent.destroy());
    const visit = await openPage(
      { a: `${upstream.origin}/a`, b: `${upstream.origin}/a` },
      { mashup: createMashup({ dispatcher: new Broken(agent, after) }), options: { concurrency: 1 } },
    );
    const { outcomes } = await visit();
    for (const name of ['a', 'b']) expect(outcomes[name]?.error).toMatchObject({ cause: new TypeError('a bug') });
  });

  class Headless extends Dispatcher {
    override dispatch(_options: Options, handler: Dispatcher.DispatchHandler): boolean {
      setImmediate(() => {
        handler.onConnect?.(() => {});
        handler.onComplete?.([]);
      });
      return true;
    }
  }

  test('that ends a request without an answer makes an outcome', async () => {
    const { outcome } = await askOver(new Headless(), 'https://api.test/a');
    expect(outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_NETWORK',
      message: expect.stringContaining('it ended without an answer'),
    });
  });
});

describe('a ProxyAgent', () => {
  test('sends the requests through its proxy', async () => {
    const upstream = await startUpstream((response, { url }) => json(response, url));
    const connects: (string | undefined)[] = [];
    const proxy = createServer();
    proxy.on('connect', ({ url = '' }, client) => {
      connects.push(url);
      const { hostname, port } = new URL(`http://${url}`);
      const server = connect(Number(port), hostname, () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        server.pipe(client).pipe(server);
      });
      for (const socket of [client, server]) {
        socket.on('error', () => {});
        closeLater(() => socket.destroy());
      }
    });
    const dispatcher = new ProxyAgent({ uri: originOf(await listen(proxy)), proxyTunnel: true });
    closeLater(() => dispatcher.destroy());
    const { data } = await askOver(dispatcher, `${upstream.origin}/a`);
    expect(data).toBe('/a');
    expect(connects).toEqual([new URL(upstream.origin).host]);
  });

  test('whose proxy is not there makes an outcome', async () => {
    const dispatcher = new ProxyAgent(await deadOrigin());
    closeLater(() => dispatcher.destroy());
    const { outcome } = await askOver(dispatcher, 'http://api.test/');
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_CONNECT');
  });
});

test('the environment names no proxy: HTTP_PROXY and the like are ignored', async () => {
  const upstream = await startUpstream((response) => json(response, 'direct'));
  const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'];
  const before = names.map((name) => process.env[name]);
  for (const name of names) process.env[name] = 'http://127.0.0.1:1';
  closeLater(() => {
    names.forEach((name, at) => {
      if (before[at] === undefined) delete process.env[name];
      else process.env[name] = before[at];
    });
  });
  for (const settings of [{}, { axios: axios.create() }]) {
    const mashup = createMashup(settings);
    closeLater(() => mashup.close());
    expect((await ask(`${upstream.origin}/`, {}, { mashup })).data).toBe('direct');
  }
});
