import { Agent } from 'undici';
import { transportFailure } from '../../src/transport/failure.js';
import { startRawBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { ask, newMashup } from '../support/site.js';

afterEach(closeAll);

async function failureOf(answer: string, dispatcher?: Agent) {
  const origin = await startRawBackend((socket) => socket.once('data', () => socket.end(answer, 'latin1')));
  const setting = dispatcher === undefined ? {} : { mashup: newMashup({ dispatcher }) };
  const { error } = (await ask(`${origin}/`, {}, setting)).outcome;
  return { code: error?.code, message: error?.message.replace(/ \(GET.*/, '') };
}

const says = (words: string) => ({
  code: 'ERR_UPSTREAM_NETWORK',
  message: `upstream 'it': the answer is not HTTP/1.1: ${words}`,
});

describe('an answer that is not HTTP/1.1 says what llhttp said', () => {
  test.each<[string, string, string]>([
    ['a header without a colon', 'bad header', 'Invalid header token (HPE_INVALID_HEADER_TOKEN)'],
    ['a control in a value', 'x: a\x01b', 'Invalid header value char (HPE_INVALID_HEADER_TOKEN)'],
    ['a length that is none', 'content-length: +4', 'Invalid character in Content-Length (HPE_INVALID_CONTENT_LENGTH)'],
  ])('%s, before a Content-Length and after', async (_, header, words) => {
    expect(await failureOf(`HTTP/1.1 200 OK\r\n${header}\r\ncontent-length: 4\r\n\r\nbody`)).toEqual(says(words));
    const after = await failureOf(`HTTP/1.1 200 OK\r\ncontent-length: 4\r\n${header}\r\n\r\nbody`);
    expect(after.message).toContain('the answer is not HTTP/1.1: ');
    expect(after.message).toMatch(/\(HPE_\w+\)$/);
  });

  test.each<[string, string, string]>([
    [
      'two lengths',
      'content-length: 4\r\ncontent-length: 4\r\n\r\nbody',
      'Duplicate Content-Length (HPE_UNEXPECTED_CONTENT_LENGTH)',
    ],
    [
      'chunks after a length',
      'content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
      "Transfer-Encoding can't be present with Content-Length (HPE_INVALID_TRANSFER_ENCODING)",
    ],
    [
      'a chunk without a size',
      'transfer-encoding: chunked\r\n\r\nxyz\r\n',
      'Invalid character in chunk size (HPE_INVALID_CHUNK_SIZE)',
    ],
  ])('%s', async (_, rest, words) => {
    expect(await failureOf(`HTTP/1.1 200 OK\r\n${rest}`)).toEqual(says(words));
  });

  test('over a dispatcher of the user’s own, as far as undici passes it on', async () => {
    const agent = new Agent();
    closeLater(() => agent.close());
    expect(await failureOf('HTTP/1.1 200 OK\r\nbad header\r\n\r\n', agent)).toEqual(says('Invalid header token'));
    expect(await failureOf('HTTP/1.1 200 OK\r\ncontent-length: 4\r\nbad header\r\n\r\n', agent)).toEqual(
      says('its head breaks after its Content-Length'),
    );
  });
});

test('a body that is shorter than its length says so, and that its head was right', async () => {
  const { message } = await failureOf('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbody');
  expect(message).toContain('the answer broke off: ');
});

test('a status below 100 is none', async () => {
  for (const status of ['099', '000']) {
    expect(await failureOf(`HTTP/1.1 ${status} x\r\ncontent-length: 0\r\n\r\n`)).toEqual({
      code: 'ERR_UPSTREAM_NETWORK',
      message: "upstream 'it': its status is not one of HTTP",
    });
  }
});

test('what a certificate says is spelled out and cut', () => {
  const names = `DNS:${'\x1b[2J\r\n'.repeat(100_000)}`;
  const error = Object.assign(new Error(`not in the cert's altnames: ${names}`), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
  const { message } = transportFailure(error, false);
  expect(message).toMatch(/^no connection: not in the cert's altnames: DNS:\\x1b\[2J\\x0d\\x0a\P{C}+$/u);
  expect(message.length).toBeLessThan(400);
});
