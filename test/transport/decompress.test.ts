import { brotliCompressSync, gzipSync } from 'node:zlib';
import { decoders } from '../../src/transport/decompress.js';
import { startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { startSite } from '../support/site.js';

afterEach(closeAll);

const MiB = 1024 * 1024;
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

async function startPacked(encoding: string, body: Buffer): Promise<string> {
  const headers = { 'content-type': 'text/plain', 'content-encoding': encoding };
  return (await startUpstream((response) => response.writeHead(200, headers).end(body))).origin;
}

const items = Array.from({ length: 60 }, (_, at) => at);

describe('decompression', () => {
  test.each<[string, Buffer]>([
    ['br', brotliCompressSync(Buffer.alloc(10 * MiB, 'a'))],
    ['gzip', gzipSync(Buffer.alloc(10 * MiB, 'a'))],
  ])('of many bodies is done by a few threads, and ends with its calls: %s', async (encoding, body) => {
    const site = await startSite();
    const origin = await startPacked(encoding, body);
    const visit = site.visit(
      { list: { url: `${origin}/{item}`, each: () => items } },
      { deadline: 1000, concurrency: items.length },
    );
    await until(() => decoders.size.waiting > 20);
    expect(decoders.size.working).toBe(2);
    site.clock.advance(1000);
    expect(decoders.size.waiting).toBe(0);
    const { locals } = await visit;
    const codes = locals.mashup['list']?.items?.map(({ error }) => error?.code) ?? [];
    expect(codes.filter((code) => code === 'ERR_UPSTREAM_DEADLINE').length).toBeGreaterThan(20);
    await until(() => decoders.size.working === 0);
  });

  test('of a call that its time limit ends makes room for the others', async () => {
    const site = await startSite();
    const slow = await startPacked('br', brotliCompressSync(Buffer.alloc(10 * MiB, 'a')));
    const quick = await startPacked('br', brotliCompressSync('quick'));
    const visit = site.visit(
      { list: { url: `${slow}/{item}`, each: () => items, timeout: 100 }, quick: { url: quick, after: ['list'] } },
      { concurrency: items.length },
    );
    await until(() => decoders.size.waiting > 20);
    site.clock.advance(100);
    expect((await visit).locals['quick']).toBe('quick');
  });

  test('of another origin is not kept waiting by one that sends much', async () => {
    const site = await startSite();
    const slow = await startPacked('br', brotliCompressSync(Buffer.alloc(10 * MiB, 'a')));
    const quick = await startPacked('br', brotliCompressSync('quick'));
    const slowVisit = site.visit({ list: { url: `${slow}/{item}`, each: () => items } }, { concurrency: items.length });
    await until(() => decoders.size.waiting > 50);
    expect((await site.visit({ quick })).locals['quick']).toBe('quick');
    expect(decoders.size.waiting).toBeGreaterThan(20);
    site.clock.advance(2000);
    await slowVisit;
  });
});
