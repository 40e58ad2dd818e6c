import { createRequire } from 'node:module';
import { createServer as createRawServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContext, type TlsOptions } from 'node:tls';
import { createMashup, type Mashup, type Upstream } from '../../src/index.js';
import { until } from '../support/deferred.js';
import { type CertificateOptions, type Identity, makeIdentity } from './certificates.js';
import { answer, RawUpstream } from './raw-upstream.js';
import { type PageReport, report } from './report.js';

const tls = createRequire(import.meta.url)('node:tls') as {
  createSecureContext: (options?: object) => SecureContext & { context: { addCACert(pem: string): void } };
};
const { createSecureContext } = tls;

let authority: Identity;
let mashup: Mashup;
let plain: RawUpstream;
const servers: Server[] = [];
const sockets = new Set<Socket>();

beforeAll(async () => {
  authority = makeIdentity('a trusted authority', { authority: true });
  // Whoever connects by TLS in this file trusts it, as if NODE_EXTRA_CA_CERTS named it.
  tls.createSecureContext = (options) => {
    const context = createSecureContext(options);
    context.context.addCACert(authority.certificate);
    return context;
  };
  plain = await RawUpstream.start();
});

beforeEach(() => {
  mashup = createMashup();
});

afterEach(async () => {
  await mashup.close();
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

afterAll(async () => {
  tls.createSecureContext = createSecureContext;
  await plain.close();
});

async function listenOn(server: Server): Promise<string> {
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `https://127.0.0.1:${(server.address() as { port: number }).port}/`;
}

function startTls(options: CertificateOptions, behaviour = answers('secret garden'), more: TlsOptions = {}) {
  const { key, certificate } = makeIdentity('an upstream', options);
  const pem = key.export({ type: 'pkcs8', format: 'pem' });
  const server = createTlsServer({ key: pem, cert: certificate, ...more }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', () => behaviour(socket));
  });
  server.on('tlsClientError', () => {});
  return listenOn(server);
}

function answers(text: string) {
  return (socket: Socket) => void socket.write(answer(text));
}

async function visit(upstream: Upstream, deadline = 30_000): Promise<PageReport> {
  const found = await report(mashup, { upstream, left: plain.origin, right: plain.origin }, { deadline });
  expect(found.data).toMatchObject({ left: { path: '/' }, right: { path: '/' } });
  return found;
}

test('a trusted upstream is reached, and its connection is used again', async () => {
  const url = await startTls({ issuer: authority, hosts: ['127.0.0.1'] });
  expect((await visit(url)).data['upstream']).toBe('secret garden');
  expect((await visit(url)).data['upstream']).toBe('secret garden');
  expect(sockets.size).toBe(1);
});

const elsewhere = makeIdentity('an authority that nobody knows', { authority: true });

test.each<[string, () => CertificateOptions]>([
  ['has expired', () => ({ issuer: authority, hosts: ['127.0.0.1'], from: -30, to: -1 })],
  ['is not valid yet', () => ({ issuer: authority, hosts: ['127.0.0.1'], from: 1, to: 30 })],
  ['signed itself', () => ({ hosts: ['127.0.0.1'] })],
  ['is signed by nobody that is known', () => ({ issuer: elsewhere, hosts: ['127.0.0.1'] })],
  ['is for another host', () => ({ issuer: authority, hosts: ['other.example', '127.0.0.2'] })],
  ['is for no host', () => ({ issuer: authority })],
])('a certificate that %s is CONNECT, and no request is sent', async (_name, options) => {
  let asked = 0;
  const url = await startTls(options(), (socket) => {
    asked++;
    socket.write(answer('POISON'));
  });
  const { outcomes, data } = await visit(url);
  expect(outcomes['upstream']).toMatchObject({ status: 'error', code: 'ERR_UPSTREAM_CONNECT', attempts: 1 });
  expect(data['upstream']).toBeNull();
  expect(asked).toBe(0);
  expect(await until(() => sockets.size === 0, 10_000)).not.toBeNull();
});

test.each<[string, string, (socket: Socket) => void]>([
  ['speaks plain HTTP', 'CONNECT', (socket) => socket.once('data', () => socket.write(answer('POISON')))],
  ['closes at once', 'CONNECT', (socket) => socket.end()],
  ['closes in the middle of the handshake', 'CONNECT', (socket) => socket.once('data', () => socket.destroy())],
  ['resets in the middle of it', 'CONNECT', (socket) => socket.once('data', () => socket.resetAndDestroy())],
  ['sends bytes that are none', 'CONNECT', (socket) => socket.write(Buffer.alloc(1000, 0xff))],
  ['never shakes hands', 'DEADLINE', () => {}],
  ['stalls in the middle of it', 'DEADLINE', (socket) => socket.write(Buffer.from([0x16, 0x03, 0x03, 0x00]))],
])('an upstream that %s is %s', async (_name, code, behaviour) => {
  const server = createRawServer((socket) => {
    // Or it would not notice that the connection is closed.
    socket.resume();
    behaviour(socket);
  });
  const url = await listenOn(server);
  const { outcomes } = await visit(url, code === 'DEADLINE' ? 1000 : 30_000);
  expect(outcomes['upstream']).toMatchObject({ status: 'error', code: `ERR_UPSTREAM_${code}`, attempts: 1 });
  expect(await until(() => sockets.size === 0, 10_000)).not.toBeNull();
});

test('a protocol version that is too old is CONNECT', async () => {
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  const url = await startTls({ issuer: authority, hosts: ['127.0.0.1'] }, answers('POISON'), old);
  expect((await visit(url)).outcomes['upstream']).toMatchObject({ code: 'ERR_UPSTREAM_CONNECT' });
});

test('a reset in the middle of a body is NETWORK', async () => {
  const url = await startTls({ issuer: authority, hosts: ['127.0.0.1'] }, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () => socket.destroy());
  });
  expect((await visit(url)).outcomes['upstream']).toMatchObject({ code: 'ERR_UPSTREAM_NETWORK' });
});

test('a redirect from https down to http is REDIRECT, and nothing is sent there', async () => {
  const canary = await RawUpstream.start();
  const url = await startTls({ issuer: authority, hosts: ['127.0.0.1'] }, (socket) => {
    socket.write(answer('', `location: ${canary.origin}/`, '302 Down'));
  });
  try {
    expect((await visit(url)).outcomes['upstream']).toMatchObject({ code: 'ERR_UPSTREAM_REDIRECT' });
    expect(canary.accepted).toBe(0);
    const listed = await visit({ url, origins: [canary.origin], headers: { 'X-API-Key': 'secret' } });
    expect(listed.outcomes['upstream']).toMatchObject({ status: 'success' });
    expect(canary.heads.join()).not.toMatch(/secret/);
  } finally {
    await canary.close();
  }
});
