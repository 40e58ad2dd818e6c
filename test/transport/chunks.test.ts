import type { Socket } from 'node:net';
import { jest } from '@jest/globals';
import { Chunks } from '../../src/transport/chunks.js';
import { startRawBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { ask } from '../support/site.js';

afterEach(closeAll);

/** What is read of these pieces: the data; null where they are broken; false where there is no end. */
function read(pieces: readonly string[]): string | null | false {
  const chunks = new Chunks();
  let data = '';
  for (const piece of pieces) {
    const isRight = chunks.read(Buffer.from(piece, 'latin1'), (bytes) => {
      data += bytes.toString('latin1');
    });
    if (!isRight) return null;
  }
  return chunks.ended && data;
}

describe('chunks', () => {
  const whole = '4\r\nbody\r\nA;name="x"\r\n0123456789\r\n00\r\nx-trailer: y\r\n\r\n';

  test('are read however they are cut', () => {
    for (let first = 0; first <= whole.length; first++) {
      for (let second = first; second <= whole.length; second++) {
        const pieces = [whole.slice(0, first), whole.slice(first, second), whole.slice(second)];
        expect(read(pieces)).toBe('body0123456789');
      }
    }
    expect(read([...whole])).toBe('body0123456789');
  });

  test('of one byte each are read without a string for each', () => {
    const strings = jest.spyOn(Buffer.prototype, 'toString');
    const chunks = new Chunks();
    let length = 0;
    chunks.read(Buffer.from(`${'1\r\na\r\n'.repeat(1000)}0\r\n\r\n`), (bytes) => {
      length += bytes.length;
    });
    expect([length, chunks.ended]).toEqual([1000, true]);
    expect(strings.mock.calls.length).toBeLessThan(5);
    strings.mockRestore();
  });

  test('end where they end', () => {
    expect(read(['0\r\n\r\n'])).toBe('');
    expect(read(['1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK'])).toBe('a');
    for (const part of ['', '1', '1\r\n', '1\r\na', '1\r\na\r\n', '0\r\n', '0\r\nx: y\r\n'])
      expect(read([part])).toBe(false);
  });

  test.each([
    '\r\n',
    'g\r\n',
    '-1\r\n',
    '0x1\r\na\r\n',
    ' 1\r\na\r\n',
    '1 a\r\n',
    '123456789\r\n',
    '1\na\n',
    '1\r\r\na',
    '1;\ra\r\na\r\n',
    '1\r\nab\r\n',
    '1\r\na\n0\r\n\r\n',
    `1;${'x'.repeat(5000)}\r\n`,
    '1'.repeat(5000),
    `0\r\n${`x: ${'y'.repeat(1000)}\r\n`.repeat(20)}`,
  ])('are broken: %j', (text) => expect(read([text])).toBeNull());
});

describe('chunks announced by a header that ends in a tab', () => {
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n';

  async function answered(header: string, body: string, then: (socket: Socket) => void = () => {}) {
    const origin = await startRawBackend((socket) => {
      socket.once('data', () => {
        socket.write(`${head}${header}\r\n\r\n${body}`, 'latin1');
        then(socket);
      });
    });
    return (await ask({ url: `${origin}/`, maxContentLength: 100 })).outcome;
  }

  test.each([
    'transfer-encoding: chunked\t',
    'Transfer-Encoding:CHUNKED \t ',
    'transfer-encoding: chunked\t\r\ntransfer-encoding: chunked\t',
    'transfer-encoding: chunked\r\ntransfer-encoding: chunked\t',
    'transfer-encoding: chunked\t\r\ntransfer-encoding: chunked',
    'transfer-encoding: chunked,\tchunked',
  ])('are read, and the answer ends with the last of them: %j', async (header) => {
    // The connection stays open.
    const { data, error } = await answered(header, '4\r\nbody\r\n0\r\n\r\n');
    expect([data, error]).toEqual(['body', null]);
  });

  test('are a NETWORK error where they are broken or break off', async () => {
    expect((await answered('transfer-encoding: chunked\t', 'x\r\n')).error).toMatchObject({
      code: 'ERR_UPSTREAM_NETWORK',
      message: expect.stringContaining('its chunks are not as HTTP/1.1 has them'),
    });
    const { error } = await answered('transfer-encoding: chunked\t', '4\r\nbo', (socket) => socket.end());
    expect(error).toMatchObject({
      code: 'ERR_UPSTREAM_NETWORK',
      message: expect.stringContaining('its last chunk is missing'),
    });
  });

  test('count as bytes of the body', async () => {
    const exactly = await answered('transfer-encoding: chunked\t', `64\r\n${'x'.repeat(100)}\r\n0\r\n\r\n`);
    expect(exactly.data).toHaveLength(100);
    const { error } = await answered('transfer-encoding: chunked\t', `65\r\n${'x'.repeat(101)}\r\n`);
    expect(error).toMatchObject({ code: 'ERR_UPSTREAM_TOO_LARGE' });
  });

  test('are not there where no body is', async () => {
    const origin = await startRawBackend((socket) =>
      socket.once('data', () => socket.end(`${head}transfer-encoding: chunked\t\r\n\r\n`)),
    );
    const { outcome } = await ask({ url: `${origin}/`, method: 'HEAD' });
    expect([outcome.status, outcome.data]).toEqual(['success', null]);
  });

  test.each([
    'chunked\xa0',
    '\xa0chunked',
    'chunked, identity',
    'gzip, chunked',
    'chunked, gzip',
    'chunked,',
    ', ',
    'x',
  ])('are nothing that can be read where the header says something else: %j', async (coding) => {
    const { error } = await answered(`transfer-encoding: ${coding}`, '4\r\nbody\r\n0\r\n\r\n', (socket) =>
      socket.end(),
    );
    expect(error).toMatchObject({
      code: 'ERR_UPSTREAM_NETWORK',
      message: expect.stringContaining('its transfer-encoding is not one that was asked for'),
    });
  });
});
