import { brotliCompressSync, createBrotliDecompress, createGunzip, gzipSync, type ZlibOptions } from 'node:zlib';
import { type Body, whole } from '../../src/answer/body.js';
import type { Failure } from '../../src/errors.js';
import { DecoderLine, Decoding } from '../../src/transport/decoders.js';

const gzip = { now: null, create: createGunzip };
const brotli = { now: null, create: createBrotliDecompress };
const MiB = 1024 * 1024;

/** Begins to decompress; `ended` resolves to the result. */
function begin(line: DecoderLine, { origin = 'http://a', body = gzipSync('text'), limit = 1000, by = gzip } = {}) {
  let tell: (result: Body | Failure) => void = () => {};
  const ended = new Promise<Body | Failure>((resolve) => {
    tell = resolve;
  });
  const seen: (Body | Failure)[] = [];
  const decoding = new Decoding(line, origin, by, body, limit, (result) => {
    seen.push(result);
    tell(result);
  });
  decoding.start();
  return { decoding, ended, seen };
}

/** Resolves when nobody is at work and nobody waits. */
async function idle(line: DecoderLine): Promise<void> {
  while (line.size.working + line.size.waiting > 0) await new Promise((resolve) => setImmediate(resolve));
}

const bomb = brotliCompressSync(Buffer.alloc(20 * MiB));

describe('decoders', () => {
  test('give what was compressed', async () => {
    const line = new DecoderLine(1);
    const text = Buffer.from('0123456789'.repeat(100_000));
    for (const [by, body] of [
      [gzip, gzipSync(text)],
      [brotli, brotliCompressSync(text)],
      [gzip, Buffer.concat([gzipSync(text.subarray(0, 500_000)), gzipSync(text.subarray(500_000))])],
    ] as const) {
      const result = await begin(line, { by, body, limit: text.length }).ended;
      expect(whole(result as Body).equals(text)).toBe(true);
    }
    expect(line.size).toEqual({ working: 0, waiting: 0 });
  });

  test('stop at the limit', async () => {
    const line = new DecoderLine(1);
    expect(await begin(line, { by: brotli, body: bomb, limit: MiB }).ended).toMatchObject({
      code: 'ERR_UPSTREAM_TOO_LARGE',
      message: `its body is larger than ${MiB} bytes`,
    });
    await idle(line);
  });

  test('are a failure where the body is none of theirs, and make room', async () => {
    const line = new DecoderLine(1);
    for (const by of [gzip, brotli]) {
      const bodies = [
        Buffer.from('no such thing'),
        gzipSync('text').subarray(0, 15),
        brotliCompressSync('text').subarray(0, 5),
      ];
      for (const body of bodies) {
        expect(await begin(line, { by, body }).ended).toMatchObject({ code: 'ERR_UPSTREAM_BODY' });
      }
    }
    expect(line.size).toEqual({ working: 0, waiting: 0 });
  });

  test('pass over zeros behind the last member, and make room', async () => {
    const line = new DecoderLine(1);
    for (const size of [1, 100, 100_000]) {
      const body = Buffer.concat([gzipSync('text'), Buffer.alloc(size)]);
      expect(whole((await begin(line, { body }).ended) as Body).toString()).toBe('text');
    }
    expect(line.size).toEqual({ working: 0, waiting: 0 });
  });

  test('that cannot be made are a failure, and make room', async () => {
    const line = new DecoderLine(1);
    const create = () => {
      throw new Error('no memory');
    };
    const first = begin(line);
    const all = [begin(line, { by: { now: null, create } }), begin(line, { by: { now: null, create } }), begin(line)];
    await first.ended;
    const results = await Promise.all(all.map(({ ended }) => ended));
    expect(results.map((result) => ('code' in result ? result.code : 'success'))).toEqual([
      'ERR_UPSTREAM_BODY',
      'ERR_UPSTREAM_BODY',
      'success',
    ]);
    expect(line.size).toEqual({ working: 0, waiting: 0 });
  });

  test('are no more at once than there may be', async () => {
    const line = new DecoderLine(2);
    const all = Array.from({ length: 20 }, () => begin(line));
    expect(line.size).toEqual({ working: 2, waiting: 18 });
    for (const { ended } of all) expect(whole((await ended) as Body).toString()).toBe('text');
    await idle(line);
  });

  test('work for the origins in turn', async () => {
    const line = new DecoderLine(1);
    const order: string[] = [];
    const origins = ['a', 'a', 'a', 'a', 'b', 'b', 'c'];
    await Promise.all(origins.map((origin) => begin(line, { origin }).ended.then(() => order.push(origin))));
    expect(order).toEqual(['a', 'a', 'b', 'c', 'a', 'b', 'a']);
  });
});

describe('what is canceled', () => {
  test('leaves the line, and tells nobody', async () => {
    const line = new DecoderLine(1);
    const [first, second, third] = [begin(line), begin(line), begin(line)];
    second.decoding.cancel();
    expect(line.size).toEqual({ working: 1, waiting: 1 });
    await Promise.all([first.ended, third.ended]);
    expect(second.seen).toEqual([]);
    await idle(line);
  });

  test('stops working, and keeps its place until its thread has stopped', async () => {
    const line = new DecoderLine(1);
    const stopped = begin(line, { by: brotli, body: bomb, limit: 100 * MiB });
    const next = begin(line);
    stopped.decoding.cancel();
    expect(line.size).toEqual({ working: 1, waiting: 1 });
    expect(whole((await next.ended) as Body).toString()).toBe('text');
    expect(stopped.seen).toEqual([]);
    await idle(line);
  });

  test('may all be canceled in one turn: none of those who wait is begun', async () => {
    const line = new DecoderLine(2);
    let begun = 0;
    const by = {
      now: null,
      create: (options?: ZlibOptions) => {
        begun++;
        return createGunzip(options);
      },
    };
    const all = Array.from({ length: 100 }, () => begin(line, { by }));
    for (const { decoding } of all) decoding.cancel();
    expect(line.size).toEqual({ working: 2, waiting: 0 });
    await idle(line);
    expect(begun).toBe(2);
    expect(all.every(({ seen }) => seen.length === 0)).toBe(true);
  });

  test('may be canceled twice, and after its end', async () => {
    const line = new DecoderLine(1);
    const one = begin(line);
    await one.ended;
    one.decoding.cancel();
    one.decoding.cancel();
    const other = begin(line);
    other.decoding.cancel();
    other.decoding.cancel();
    await idle(line);
    expect(await begin(line).ended).toBeDefined();
  });

  test('may be canceled at any point of its work', async () => {
    const line = new DecoderLine(1);
    for (let turns = 0; turns < 40; turns++) {
      const { decoding, seen } = begin(line, { by: brotli, body: bomb, limit: 30 * MiB });
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      decoding.cancel();
      expect(seen.length).toBeLessThanOrEqual(1);
      await idle(line);
    }
  });
});
