import { createRequire } from 'node:module';
import { createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls';
import { Agent } from 'undici';
import { createMashup, type Mashup, type Upstream } from '../../src/index.js';
import { type Identity, makeIdentity } from './certificates.js';
import { answer } from './raw-upstream.js';
import { type PageReport, report } from './report.js';

const tls = createRequire(import.meta.url)('node:tls') as {
  createSecureContext: (options?: object) => SecureContext & { context: { addCACert(pem: string): void } };
};
const { createSecureContext } = tls;

let authority: Identity;
let mashup: Mashup;
let server: Server;
const sockets = new Set<TLSSocket>();
/** The names that connections were made for (none is false), and the hosts that requests named. */
let names: (string | false)[];
let hosts: string[];

beforeAll(() => {
  authority = makeIdentity('a trusted authority', { authority: true });
  tls.createSecureContext = (options) => {
    const context = createSecureContext(options);
    context.context.addCACert(authority.certificate);
    return context;
  };
});
afterAll(() => {
  tls.createSecureContext = createSecureContext;
});

beforeEach(() => {
  mashup = createMashup();
  names = [];
  hosts = [];
});
afterEach(async () => {
  await mashup.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** Starts an upstream with a certificate for these hosts; returns its port. */
async function startTls(...certified: string[]): Promise<number> {
  const { key, certificate } = makeIdentity('an upstream', { issuer: authority, hosts: certified });
  const options = { key: key.export({ type: 'pkcs8', format: 'pem' }), cert: certificate };
  server = createServer(options, (socket) => {
    sockets.add(socket);
    names.push(socket.servername as string | false);
    socket.on('error', () => {});
    socket.on('data', (head) => {
      hosts.push(/^host: (.*?)\r$/im.exec(head.toString())?.[1] ?? '');
      socket.write(answer('fine'));
    });
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

async function visit(upstreams: Record<string, Upstream>, by = mashup): Promise<PageReport['outcomes']> {
  return (await report(by, upstreams, { deadline: 30_000 })).outcomes;
}

const from = (url: string, host: string) => ({ url, headers: { host } });

describe('the name that a certificate is checked against', () => {
  test("is the origin's, whatever the Host header says", async () => {
    const port = await startTls('localhost');
    const { it } = await visit({ it: from(`https://localhost:${port}/`, 'other.example') });
    expect(it).toMatchObject({ status: 'success' });
    expect([names, hosts]).toEqual([['localhost'], ['other.example']]);
  });

  test('is not that of a Host header that has a certificate', async () => {
    const port = await startTls('other.example');
    for (const host of ['localhost', '127.0.0.1']) {
      const { it } = await visit({ it: from(`https://${host}:${port}/`, 'other.example') });
      expect(it).toMatchObject({ status: 'error', code: 'ERR_UPSTREAM_CONNECT' });
    }
    expect(hosts).toEqual([]);
  });

  test.each([
    ['localhost', 'localhost'],
    ['127.0.0.1', false],
  ])('stays %s from request to request, and so does the connection', async (host, name) => {
    const port = await startTls(host);
    for (const other of ['one.example', 'two.example', 'three.example']) {
      const { it } = await visit({ it: from(`https://${host}:${port}/`, other) });
      expect(it).toMatchObject({ status: 'success' });
    }
    expect(names).toEqual([name]);
    expect(hosts).toEqual(['one.example', 'two.example', 'three.example']);
  });

  test("is the origin's for a dispatcher of the user's own", async () => {
    const port = await startTls('localhost');
    const dispatcher = new Agent();
    const { it } = await visit(
      { it: from(`https://localhost:${port}/`, 'other.example') },
      createMashup({ dispatcher }),
    );
    await dispatcher.destroy();
    expect(it).toMatchObject({ status: 'success' });
    expect(names).toEqual(['localhost']);
  });
});

test.each(['GET', 'POST'] as const)(
  'a kept connection of TLS that is reset in the turn in which a %s begins costs nothing',
  async (method) => {
    const port = await startTls('127.0.0.1');
    const url = `https://127.0.0.1:${port}/`;
    const begins = {
      it: {
        url: () =>
          new Promise<string>((resolve) => {
            setTimeout(() => {
              // Under the encryption, so without a word about it.
              for (const socket of sockets) (socket as unknown as { _parent?: TLSSocket })._parent?.resetAndDestroy();
              resolve(url);
            }, 0);
          }),
        origins: [`https://127.0.0.1:${port}`],
        method,
      },
    };
    await visit({ it: url });
    const { it } = await visit(begins);
    expect(it).toMatchObject({ status: 'success', attempts: 1 });
    expect([hosts.length, names.length]).toEqual([2, 2]);
  },
);
