import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { multiGet } from '../../src/index.js';
import { ownHeaders } from '../../src/transport/answer.js';
import { ask, startUpstream } from '../request/ask.js';
import { closeAll } from '../support/closing.js';

afterEach(closeAll);

const KB = 1024;

describe.each([20, 100, 500, 1023, 1025, 3000])('bodies of %d KB', (size) => {
  // Three bytes to a character, so that what is read from a socket ends within one.
  const texts = ['a', 'ab', 'abc'].map((start) => start + '€'.repeat((size * KB) / 3));

  /** What becomes of the texts, all sent at once. */
  const sent = async (type: string, body: (text: string) => string | Buffer = String) => {
    const { origin } = await startUpstream((response, { url }) =>
      response.setHeader('content-type', type).end(body(texts[Number(url.slice(1))] as string)),
    );
    const rows = await multiGet(texts.map((_, index) => `${origin}/${index}`));
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

  test('are bytes that nothing is written over', async () => {
    const data = (await sent('application/octet-stream')) as Buffer[];
    await sent('text/plain', (text) => 'x'.repeat(text.length));
    expect(data.map(String)).toEqual(texts);
  });
});

describe('the headers of an answer', () => {
  /** As undici gives them: views of what was read. */
  const read = (size: number) => {
    const bytes = Buffer.concat([Buffer.from('name: value; other: 2'), Buffer.alloc(size)]);
    return [bytes.subarray(0, 4), bytes.subarray(6, 11), bytes.subarray(13, 18), bytes.subarray(20, 21)];
  };
  const text = (headers: readonly Buffer[]) => headers.map(String);
  const all = ['name', 'value', 'other', '2'];

  test('do not keep what was read with them, where that is much', () => {
    const list = read(64 * KB);
    const own = ownHeaders(list);
    expect(text(own)).toEqual(all);
    for (const { buffer } of own) expect(buffer.byteLength).toBeLessThanOrEqual(16 * KB);
    // undici's own list, which is in old space, keeps nothing either.
    expect(list).toEqual([]);
  });

  test('are not copied where it is little', () => {
    const list = read(2 * KB);
    expect(ownHeaders(list)).toBe(list);
    expect(text(list)).toEqual(all);
  });

  test('are there for a subscriber of undici, too', async () => {
    const told: Buffer[][] = [];
    const listener = (message: unknown) => told.push((message as { response: { headers: Buffer[] } }).response.headers);
    subscribe('undici:request:headers', listener);
    try {
      const { origin } = await startUpstream((response) =>
        response.setHeader('x-name', 'value').end('x'.repeat(100 * KB)),
      );
      const { outcome } = await ask({ url: `${origin}/` });
      expect(outcome.response?.headers).toMatchObject({ 'x-name': 'value', 'content-length': String(100 * KB) });
      expect(text(told[0] ?? [])).toEqual(expect.arrayContaining(['x-name', 'value']));
    } finally {
      unsubscribe('undici:request:headers', listener);
    }
  });
});
