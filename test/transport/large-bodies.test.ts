import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import axios from 'axios';
import { Agent } from 'undici';
import { lent, Pieces, whole } from '../../src/answer/body.js';
import { unpin } from '../../src/answer/wire-answer.js';
import { type Mashup, multiGet, type UpstreamMap } from '../../src/index.js';
import { startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { ask, newMashup, openPage } from '../support/site.js';

afterEach(closeAll);

const KB = 1024;

/** An upstream for each of these, and what a page finds. */
async function visit(bodies: Record<string, [type: string, body: Buffer]>, mashup?: Mashup, more: object = {}) {
  const { origin } = await startUpstream((response, { url }) => {
    const [type, body] = bodies[url.slice(1)] as [string, Buffer];
    const isPacked = type.startsWith('packed ');
    if (isPacked) response.setHeader('content-encoding', 'gzip');
    response.setHeader('content-type', type.replace('packed ', '')).end(isPacked ? gzipSync(body) : body);
  });
  const upstreams: UpstreamMap = Object.fromEntries(
    Object.keys(bodies).map((name) => [name, { url: `${origin}/${name}`, ...more }]),
  );
  return (await (await openPage(upstreams, mashup === undefined ? {} : { mashup }))()).data;
}

describe.each([20, 100, 500, 1023, 1025, 3000])('bodies of %d KB', (size) => {
  // Three bytes to a character, so that what is read from a socket ends within one.
  const texts = ['a', 'ab', 'abc'].map((start) => start + '€'.repeat((size * KB) / 3));

  /** What becomes of the texts, all sent at once. */
  const sent = async (type: string, body: (text: string) => string | Buffer = String) => {
    const { origin } = await startUpstream((response, { url }) =>
      response.setHeader('content-type', type).end(body(texts[Number(url.slice(1))] as string)),
    );
    const rows = await multiGet(
      texts.map((_, index) => `${origin}/${index}`),
      { maxContentLength: 10_000 * KB },
    );
    return rows.map(([, data]) => data);
  };

  test('are the text that was sent', async () => {
    expect(await sent('text/plain')).toEqual(texts);
  });

  test('are the JSON that was sent', async () => {
    expect(await sent('application/json', (text) => JSON.stringify({ text }))).toEqual(texts.map((text) => ({ text })));
  });

  test('are text of another charset', async () => {
    expect(await sent('text/plain; charset=utf-16le', (text) => Buffer.from(text, 'utf16le'))).toEqual(texts);
  });
});

describe('large bodies of several kinds at once', () => {
  // As hex, for Jest compares and prints large buffers slowly.
  const bytes = (size: number) => Buffer.from(randomBytes(size / 2).toString('hex'));
  const bodies: Record<string, [string, Buffer]> = {};
  for (let at = 0; at < 4; at++) {
    bodies[`packed${at}`] = ['packed text/plain', bytes((400 + at) * KB)];
    bodies[`text${at}`] = ['text/plain', bytes((100 + at) * KB)];
    bodies[`binary${at}`] = ['application/octet-stream', bytes((100 + at) * KB)];
  }
  const expected = Object.fromEntries(Object.entries(bodies).map(([name, [, body]]) => [name, String(body)]));
  const found = (locals: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(locals).map(([name, data]) => [name, String(data)]));

  test.each([
    ['are what was sent', {}],
    ['are what was sent, as bytes', { responseType: 'arraybuffer' }],
    ['are what transformers are given', { transformResponse: (data: unknown) => data }],
    [
      'are what transformers are given, as bytes',
      { responseType: 'arraybuffer', transformResponse: (data: unknown) => data },
    ],
  ] as const)('%s', async (_title, more) => {
    expect(found(await visit(bodies, undefined, more))).toEqual(expected);
    expect(found(await visit(bodies, newMashup({ axios: axios.create() }), more))).toEqual(expected);
  });

  test('are what was sent by a dispatcher that makes them of another kind', async () => {
    const dispatcher = new Agent().compose((dispatch) => (options, handler) => {
      const onData = (chunk: Buffer) => handler.onData?.(new Uint8Array(chunk) as Buffer) ?? true;
      const others = Object.fromEntries(
        (['onConnect', 'onHeaders', 'onComplete', 'onError'] as const).map((name) => [
          name,
          (...given: unknown[]) => (handler[name] as (...given: unknown[]) => unknown)(...given),
        ]),
      );
      return dispatch(options, { ...others, onData });
    });
    expect(found(await visit(bodies, newMashup({ dispatcher })))).toEqual(expected);
    await dispatcher.close();
  });

  test('are shared as copies, for a page may write into its own', async () => {
    const { origin } = await startUpstream((response) => response.end(Buffer.alloc(100 * KB, 'a')));
    const one = { url: `${origin}/`, coalesce: true, responseType: 'arraybuffer' } as const;
    const { locals } = await (await openPage({ one, other: one }))();
    (locals['one'] as Buffer).fill('b');
    expect(String(locals['other'])).toBe('a'.repeat(100 * KB));
  });
});

describe('pieces', () => {
  test.each([2, 63, 64, 65, 66, 200])('%d of them, and empty ones, are one body', (count) => {
    const parts = Array.from({ length: count }, (_, at) => Buffer.from('x'.repeat(at % 7) + at));
    const body = new Pieces(parts[0] as Buffer);
    for (const part of parts.slice(1)) body.add(part);
    const text = parts.join('');
    expect(body.length).toBe(text.length);
    const kept = whole(body);
    expect([String(kept), String(lent(body)), String(whole(body))]).toEqual([text, text, text]);
    // Whoever keeps it may write into it.
    kept.fill(0);
    expect([String(lent(body)), String(whole(body))]).toEqual([text, text]);
  });

  test('are no part of the outcome of an answer that is an error', async () => {
    const { origin } = await startUpstream((response) => response.writeHead(500).end('x'.repeat(300 * KB)));
    const { outcome } = await ask({ url: `${origin}/` });
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 500 });
    expect(Object.keys(outcome.response ?? {})).toEqual(['status', 'headers', 'url']);
  });
});

describe('the headers of an answer', () => {
  /** As undici gives them: views of what was read, here in two reads. */
  const read = (size: number) => {
    const bytes = Buffer.concat([Buffer.from('value; other: 2'), Buffer.alloc(size)]);
    return [Buffer.from('name'), bytes.subarray(0, 5), bytes.subarray(7, 12), bytes.subarray(14, 15)];
  };
  const all = ['name', 'value', 'other', '2'];

  test('do not keep what was read with them, where that is much', () => {
    const list = read(64 * KB);
    unpin(list);
    expect(list.map(String)).toEqual(all);
    for (const { buffer } of list) expect(buffer.byteLength).toBeLessThan(64 * KB);
  });

  test('are not copied where it is little', () => {
    const list = read(2 * KB);
    const before = [...list];
    unpin(list);
    for (const [at, header] of list.entries()) expect(header).toBe(before[at]);
  });

  test('are there for a large answer, as its body is', async () => {
    const { origin } = await startUpstream((response) =>
      response.setHeader('x-name', 'value').end('x'.repeat(100 * KB)),
    );
    const { outcome, data } = await ask({ url: `${origin}/` });
    expect(outcome.response?.headers).toMatchObject({ 'x-name': 'value', 'content-length': String(100 * KB) });
    expect(data).toHaveLength(100 * KB);
  });
});
