// The catalogue: every way in which an upstream is known to misbehave, and what a page is to make of it.
import type { Socket } from 'node:net';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import type { UpstreamOptions } from '../../src/index.js';
import { answer, type Behaviour, drip, endlessly, flood, later } from './raw-upstream.js';

/** The deadline of pages whose upstream would never end. The others have one that a busy machine cannot miss. */
export const deadline = 400;

export interface FaultCase extends Behaviour {
  readonly name: string;
  /** Codes without ERR_UPSTREAM_ (where the operating system decides, more than one), or the data of a success. */
  readonly expected: { readonly code: string | readonly string[] } | { readonly data: unknown };
  readonly options?: Partial<UpstreamOptions>;
  /** The fault comes on a connection that has carried a good answer before. */
  readonly kept?: true;
  /** Nobody listens at all. */
  readonly refused?: true;
  /** Whether the connection may be kept. By default after a success, and not after a failure. */
  readonly keeps?: boolean;
  /** How many attempts are counted, if not one. */
  readonly attempts?: number;
}

export interface FaultGroup {
  readonly name: string;
  readonly cases: readonly FaultCase[];
}

const json = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
const text = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n';
const KiB = 1024;

/** Answers each request with these bytes. */
function says(...pieces: (string | Buffer)[]): (socket: Socket) => void {
  return (socket) => {
    for (const piece of pieces) {
      if (typeof piece === 'string') socket.write(piece, 'latin1');
      else socket.write(piece);
    }
  };
}

/** The same, and closes. */
function saysAndCloses(piece: string): (socket: Socket) => void {
  return (socket) => {
    socket.end(piece, 'latin1');
  };
}

function drips(pieces: () => Iterable<string>, everyMs: number): (socket: Socket) => void {
  return (socket) => drip(socket, pieces(), everyMs);
}

function* thenEndlessly(first: string, piece: string): Generator<string> {
  yield first;
  yield* endlessly(piece);
}

function encoded(encoding: string, body: Buffer): (socket: Socket) => void {
  const head = `${text}content-encoding: ${encoding}\r\ncontent-length: ${body.length}\r\n\r\n`;
  return says(head, body);
}

const chunked = `${text}transfer-encoding: chunked\r\n\r\n`;
const earlyHints = 'HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n';
const zeros = Buffer.alloc(64 * KiB * KiB);
const small = { maxContentLength: 64 * KiB };

export const faultGroups: readonly FaultGroup[] = [
  {
    name: 'connection',
    cases: [
      { name: 'refused', refused: true, expected: { code: 'CONNECT' } },
      { name: 'accepted, then closed', onAccept: (socket) => socket.end(), expected: { code: 'NETWORK' } },
      {
        name: 'accepted, then reset',
        onAccept: (socket) => socket.resetAndDestroy(),
        // The reset can overtake the news that the connection was made.
        expected: { code: ['NETWORK', 'CONNECT'] },
      },
      { name: 'accepted, then silence', expected: { code: 'DEADLINE' } },
      { name: 'closed when the request has come', onRequest: (socket) => socket.end(), expected: { code: 'NETWORK' } },
      {
        name: 'reset when the request has come',
        onRequest: (socket) => socket.resetAndDestroy(),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'does not read the request',
        options: { method: 'POST', data: 'x'.repeat(4 * KiB * KiB) },
        onAccept: (socket) => {
          socket.pause();
          // It would not notice that the connection is closed otherwise.
          later(socket, deadline + 200, () => socket.resume());
        },
        expected: { code: 'DEADLINE' },
      },
    ],
  },
  {
    name: 'slowness',
    cases: [
      {
        name: 'headers one line at a time',
        onRequest: drips(() => [...`${json}x-a: 1\r\nx-b: 2\r\ncontent-length: 2\r\n\r\n{}`.split(/(?<=\n)/)], 10),
        expected: { data: {} },
      },
      {
        name: 'headers one line at a time, for ever',
        onRequest: drips(() => thenEndlessly(json, 'x: y\r\n'), 20),
        expected: { code: 'DEADLINE' },
      },
      { name: 'half a status line, then a stall', onRequest: says('HTTP/1.1 20'), expected: { code: 'DEADLINE' } },
      { name: 'half the headers, then a stall', onRequest: says(`${json}x-half`), expected: { code: 'DEADLINE' } },
      {
        name: 'headers, then a stall',
        onRequest: says(`${json}content-length: 5\r\n\r\n`),
        expected: { code: 'DEADLINE' },
      },
      {
        name: 'body one byte at a time',
        onRequest: drips(() => [`${json}content-length: 9\r\n\r\n`, ...'{"a":"b"}'], 10),
        expected: { data: { a: 'b' } },
      },
      {
        name: 'body one byte at a time, too slow for the deadline',
        onRequest: drips(() => thenEndlessly(`${text}content-length: 1000\r\n\r\n`, 'x'), 20),
        expected: { code: 'DEADLINE' },
      },
      {
        name: 'a character of four bytes in four packets',
        onRequest: drips(() => [`${text}content-length: 4\r\n\r\n`, '\xf0', '\x9f', '\x98', '\x80'], 10),
        expected: { data: '😀' },
      },
    ],
  },
  {
    name: 'broken off',
    cases: [
      {
        name: 'reset in the headers',
        onRequest: (socket) => {
          socket.write(`${json}content-le`);
          later(socket, 20, () => socket.resetAndDestroy());
        },
        expected: { code: 'NETWORK' },
      },
      {
        name: 'reset mid-body, with Content-Length',
        onRequest: (socket) => {
          socket.write(`${text}content-length: 100\r\n\r\nhalf`);
          later(socket, 20, () => socket.resetAndDestroy());
        },
        expected: { code: 'NETWORK' },
      },
      {
        name: 'reset mid-body, chunked',
        onRequest: (socket) => {
          socket.write(`${chunked}4\r\nhalf\r\n`);
          later(socket, 20, () => socket.resetAndDestroy());
        },
        expected: { code: 'NETWORK' },
      },
      {
        name: 'reset mid-body, without a length',
        onRequest: (socket) => {
          socket.write(`${text}connection: close\r\n\r\nhalf`);
          later(socket, 20, () => socket.resetAndDestroy());
        },
        expected: { code: 'NETWORK' },
      },
      {
        name: 'closed mid-body, with Content-Length',
        onRequest: saysAndCloses(`${text}content-length: 100\r\n\r\nhalf`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'a body without a length, ended by closing',
        onRequest: saysAndCloses(`${text}connection: close\r\n\r\nwhole`),
        expected: { data: 'whole' },
        keeps: false,
      },
    ],
  },
  {
    name: 'Content-Length',
    cases: [
      {
        name: 'longer than the body, which then stalls',
        onRequest: says(`${text}content-length: 10\r\n\r\nshort`),
        expected: { code: 'DEADLINE' },
      },
      {
        name: 'shorter than the body',
        onRequest: says(`${text}content-length: 5\r\n\r\nwhole and more`),
        expected: { data: 'whole' },
        keeps: false,
      },
      {
        name: 'negative',
        onRequest: says(`${text}content-length: -1\r\n\r\nbody`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'twice, the same',
        onRequest: says(`${text}content-length: 4\r\ncontent-length: 4\r\n\r\nbody`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'twice, different',
        onRequest: says(`${text}content-length: 4\r\ncontent-length: 40\r\n\r\nbody`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'a list',
        onRequest: says(`${text}content-length: 4, 4\r\n\r\nbody`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'not a number',
        onRequest: says(`${text}content-length: four\r\n\r\nbody`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'hexadecimal',
        onRequest: says(`${text}content-length: 0x4\r\n\r\nbody`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'absurd: thirty digits',
        onRequest: says(`${text}content-length: ${'9'.repeat(30)}\r\n\r\nbody`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'absurd: nine petabytes',
        onRequest: says(`${text}content-length: 9007199254740993\r\n\r\nbody`),
        expected: { code: 'TOO_LARGE' },
      },
      {
        name: 'over the limit, refused at the headers',
        options: small,
        onRequest: says(`${text}content-length: ${64 * KiB + 1}\r\n\r\n`),
        expected: { code: 'TOO_LARGE' },
      },
      {
        name: 'with chunked',
        onRequest: says(`${text}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`),
        expected: { code: 'NETWORK' },
      },
    ],
  },
  {
    name: 'chunks',
    cases: [
      {
        name: 'cut off by closing',
        onRequest: saysAndCloses(`${chunked}20\r\nhalf`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'the last one missing, closed',
        onRequest: saysAndCloses(`${chunked}4\r\nbody\r\n`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'the last one missing, a stall',
        onRequest: says(`${chunked}4\r\nbody\r\n`),
        expected: { code: 'DEADLINE' },
      },
      { name: 'a size that is none', onRequest: says(`${chunked}zz\r\nbody\r\n`), expected: { code: 'NETWORK' } },
      { name: 'a negative size', onRequest: says(`${chunked}-4\r\nbody\r\n`), expected: { code: 'NETWORK' } },
      {
        name: 'a size that overflows',
        onRequest: says(`${chunked}${'f'.repeat(17)}\r\nbody`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'longer than its size',
        onRequest: says(`${chunked}2\r\nbody\r\n0\r\n\r\n`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'bare LF',
        onRequest: says(`${chunked}4\nbody\n0\n\n`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'endless, as fast as can be',
        options: small,
        onRequest: (socket) => {
          socket.write(chunked);
          flood(socket, `400\r\n${'x'.repeat(KiB)}\r\n`);
        },
        expected: { code: 'TOO_LARGE' },
      },
      {
        name: 'endless, one byte each',
        onRequest: drips(() => thenEndlessly(chunked, '1\r\nx\r\n'), 10),
        expected: { code: 'DEADLINE' },
      },
      {
        name: 'an endless extension',
        onRequest: (socket) => {
          socket.write(`${chunked}4;`);
          later(socket, 0, () => drip(socket, endlessly('x'.repeat(KiB)), 5));
        },
        expected: { code: 'DEADLINE' },
      },
      {
        name: 'endless trailers',
        onRequest: (socket) => {
          socket.write(`${chunked}4\r\nbody\r\n0\r\n`);
          flood(socket, `x-trailer: ${'x'.repeat(KiB)}\r\n`);
        },
        expected: { code: 'TOO_LARGE' },
      },
      {
        name: 'chunked, a tab after it',
        onRequest: says(`${text}transfer-encoding: chunked\t\r\n\r\n4\r\nbody\r\n0\r\n\r\n`),
        expected: { data: 'body' },
        keeps: false,
      },
      {
        name: 'chunked, a tab after it, the size not a number',
        onRequest: says(`${text}transfer-encoding: chunked\t\r\n\r\nxyz\r\nbody\r\n0\r\n\r\n`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'chunked, a tab after it, cut off by closing',
        onRequest: saysAndCloses(`${text}transfer-encoding: chunked\t\r\n\r\n20\r\nhalf`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'chunked, a no-break space after it',
        onRequest: says(`${text}transfer-encoding: chunked\xa0\r\n\r\n4\r\nbody\r\n0\r\n\r\n`),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'chunked, named twice',
        onRequest: says(
          `${text}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`,
        ),
        expected: { data: 'body' },
      },
      {
        name: 'chunked not the last coding',
        onRequest: saysAndCloses(`${text}transfer-encoding: chunked, gzip\r\n\r\n4\r\nbody\r\n0\r\n\r\n`),
        expected: { code: 'NETWORK' },
      },
    ],
  },
  {
    name: 'head',
    cases: [
      { name: 'a header without a colon', onRequest: says(`${text}bad\r\n\r\n`), expected: { code: 'NETWORK' } },
      {
        name: 'a space before the colon',
        onRequest: says(`${text}content-length : 4\r\n\r\nbody`),
        expected: { code: 'NETWORK' },
      },
      { name: 'a space in a name', onRequest: says(`${text}x y: z\r\n\r\n`), expected: { code: 'NETWORK' } },
      { name: 'a folded header', onRequest: says(`${text}x: y\r\n z\r\n\r\n`), expected: { code: 'NETWORK' } },
      { name: 'NUL in a value', onRequest: says(`${text}x: a\0b\r\n\r\n`), expected: { code: 'NETWORK' } },
      { name: 'NUL in a name', onRequest: says(`${text}x\0y: a\r\n\r\n`), expected: { code: 'NETWORK' } },
      {
        name: 'bare LF',
        onRequest: says('HTTP/1.1 200 OK\ncontent-length: 4\n\nbody'),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'bare CR',
        onRequest: says(`${text}x: a\rcontent-length: 4\r\n\r\nbody`),
        expected: { code: 'NETWORK' },
      },
      { name: 'status 99', onRequest: says(answer('body', 'x: y', '99 Low')), expected: { code: 'NETWORK' } },
      { name: 'status 099', onRequest: says(answer('body', 'x: y', '099 Low')), expected: { code: 'NETWORK' } },
      { name: 'status 000', onRequest: says(answer('body', 'x: y', '000 None')), expected: { code: 'NETWORK' } },
      {
        name: 'status 600',
        onRequest: says(answer('body', 'x: y', '600 High')),
        expected: { code: 'STATUS' },
        keeps: true,
      },
      {
        name: 'status 999',
        onRequest: says(answer('body', 'x: y', '999 High')),
        expected: { code: 'STATUS' },
        keeps: true,
      },
      { name: 'status 1000', onRequest: says(answer('body', 'x: y', '1000 High')), expected: { code: 'NETWORK' } },
      { name: 'status -200', onRequest: says(answer('body', 'x: y', '-200 Below')), expected: { code: 'NETWORK' } },
      { name: 'no status', onRequest: says('HTTP/1.1 OK\r\n\r\n'), expected: { code: 'NETWORK' } },
      { name: 'HTTP/9.9', onRequest: says(answer('body').replace('1.1', '9.9')), expected: { code: 'NETWORK' } },
      {
        name: 'a header of 1 MiB',
        onRequest: says(`${text}x: ${'y'.repeat(KiB * KiB)}\r\ncontent-length: 4\r\n\r\nbody`),
        expected: { code: 'TOO_LARGE' },
      },
      {
        name: 'a name of 1 MiB',
        onRequest: says(`${text}${'y'.repeat(KiB * KiB)}: x\r\ncontent-length: 4\r\n\r\nbody`),
        expected: { code: 'TOO_LARGE' },
      },
      {
        name: '5,000 headers',
        onRequest: says(`${text}${'x-one-more: y\r\n'.repeat(5000)}content-length: 4\r\n\r\nbody`),
        expected: { code: 'TOO_LARGE' },
      },
      {
        name: 'a status line of 1 MiB, then a stall',
        onRequest: says(`HTTP/1.1 200 ${'y'.repeat(KiB * KiB)}`),
        expected: { code: 'DEADLINE' },
      },
      {
        name: '1,000 small headers',
        onRequest: says(`${text}${'x: y\r\n'.repeat(1000)}content-length: 4\r\n\r\nbody`),
        expected: { data: 'body' },
      },
      {
        name: 'headers called __proto__ and constructor',
        onRequest: says(answer('{"__proto__":{"a":1}}', '__proto__: x\r\nconstructor: y\r\ncontent-type: text/plain')),
        expected: { data: '{"__proto__":{"a":1}}' },
      },
    ],
  },
  {
    name: 'not HTTP',
    cases: [
      { name: 'random bytes', onRequest: says('\x8f\x02\xfe\x00\x91\x13\r\n\r\n'), expected: { code: 'NETWORK' } },
      { name: "a mail server's greeting", onAccept: says('220 mail ESMTP\r\n'), expected: { code: 'NETWORK' } },
      { name: 'ssh', onAccept: says('SSH-2.0-OpenSSH_9.6\r\n'), expected: { code: 'NETWORK' } },
      { name: 'a TLS alert', onRequest: says('\x15\x03\x01\x00\x02\x02\x46'), expected: { code: 'NETWORK' } },
      { name: 'HTTP/0.9', onRequest: saysAndCloses('<p>body</p>'), expected: { code: 'NETWORK' } },
      { name: 'its own request', onRequest: says('GET / HTTP/1.1\r\n\r\n'), expected: { code: 'NETWORK' } },
      { name: 'an ICY 200', onRequest: says('ICY 200 OK\r\n\r\n'), expected: { code: 'NETWORK' } },
      { name: 'line ends and no more', onRequest: says('\r\n\r\n\r\n'), expected: { code: 'DEADLINE' } },
      {
        name: 'endless zeros',
        onRequest: (socket) => flood(socket, Buffer.alloc(64 * KiB)),
        expected: { code: 'NETWORK' },
      },
    ],
  },
  {
    name: 'informational',
    cases: [
      { name: 'one 103 before the 200', onRequest: says(earlyHints, answer('body')), expected: { data: 'body' } },
      {
        name: 'one 103, and the 200 in another packet',
        onRequest: drips(() => [earlyHints, answer('body')], 20),
        expected: { data: 'body' },
      },
      {
        name: 'forty 103 before the 200',
        onRequest: says(earlyHints.repeat(40), answer('body')),
        expected: { data: 'body' },
      },
      {
        name: 'one 103, and the answer compressed',
        onRequest: (socket) => {
          socket.write(earlyHints);
          encoded('gzip', gzipSync('body'))(socket);
        },
        expected: { data: 'body' },
      },
      { name: 'endless 103', onRequest: (socket) => flood(socket, earlyHints), expected: { code: 'NETWORK' } },
      {
        name: 'endless 103, slowly',
        // So slowly that the limit of a hundred is not what ends it, with a deadline ten times as long either.
        onRequest: drips(() => endlessly(earlyHints), 100),
        expected: { code: 'DEADLINE' },
      },
      {
        name: 'a 102 that is never followed',
        onRequest: says('HTTP/1.1 102 Processing\r\n\r\n'),
        expected: { code: 'DEADLINE' },
      },
      {
        name: 'a 100 that nobody asked for',
        onRequest: says('HTTP/1.1 100 Continue\r\n\r\n', answer('body')),
        expected: { code: 'NETWORK' },
      },
      {
        name: '101 with Upgrade',
        onRequest: says('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
        expected: { code: 'NETWORK' },
      },
      {
        name: '101 without Upgrade, then silence',
        onRequest: says('HTTP/1.1 101 Switching\r\n\r\n'),
        expected: { code: ['NETWORK', 'DEADLINE'] },
      },
    ],
  },
  {
    name: 'no body',
    cases: [
      {
        name: '204 with a body',
        onRequest: says('HTTP/1.1 204 No Content\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\r\nPOISON'),
        expected: { code: 'NETWORK' },
      },
      {
        name: '204 with a whole answer for a body',
        onRequest: says('HTTP/1.1 204 No Content\r\n\r\n', answer('POISON')),
        expected: { data: null },
        keeps: false,
      },
      {
        name: '205 with a body',
        onRequest: says(answer('POISON', 'x: y', '205 Reset Content')),
        expected: { data: null },
      },
      {
        name: '304 with a body',
        options: { validateStatus: (status) => status === 304 },
        onRequest: says('HTTP/1.1 304 Not Modified\r\ncontent-length: 6\r\n\r\nPOISON'),
        expected: { data: null },
        keeps: false,
      },
      {
        name: '304 with the length of what it does not send',
        options: { validateStatus: (status) => status === 304 },
        onRequest: says('HTTP/1.1 304 Not Modified\r\ncontent-length: 6\r\n\r\n'),
        expected: { data: null },
        keeps: false,
      },
      {
        name: '304 with a length over the limit',
        options: { validateStatus: (status) => status === 304 },
        onRequest: says('HTTP/1.1 304 Not Modified\r\ncontent-length: 99999999999\r\n\r\n'),
        expected: { data: null },
        keeps: false,
      },
      {
        name: 'HEAD with a length over the limit',
        options: { method: 'HEAD' },
        onRequest: says('HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n'),
        expected: { data: null },
        keeps: false,
      },
      {
        name: '304 to no condition',
        onRequest: says('HTTP/1.1 304 Same\r\n\r\n'),
        expected: { code: 'STATUS' },
        keeps: true,
      },
      {
        name: 'HEAD with a body',
        options: { method: 'HEAD' },
        onRequest: says(answer('POISON')),
        expected: { data: null },
        keeps: false,
      },
      {
        name: 'extra bytes after the body',
        onRequest: says(`${answer('body')}POISON`),
        expected: { data: 'body' },
        keeps: false,
      },
      {
        name: 'a second answer after the body',
        onRequest: says(answer('body') + answer('POISON')),
        expected: { data: 'body' },
        keeps: false,
      },
      {
        name: 'a second answer a little later',
        onRequest: drips(() => [answer('body'), answer('POISON')], 10),
        expected: { data: 'body' },
        keeps: false,
      },
    ],
  },
  {
    name: 'encodings and content',
    cases: [
      {
        name: 'a gzip bomb',
        onRequest: encoded('gzip', gzipSync(zeros)),
        expected: { code: 'TOO_LARGE' },
        keeps: true,
      },
      {
        name: 'a gzip bomb in gzip',
        onRequest: encoded('gzip, gzip', gzipSync(gzipSync(zeros))),
        expected: { code: 'TOO_LARGE' },
        keeps: true,
      },
      {
        name: 'a br bomb',
        onRequest: encoded('br', brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })),
        expected: { code: 'TOO_LARGE' },
        keeps: true,
      },
      {
        name: 'a deflate bomb',
        onRequest: encoded('deflate', deflateSync(zeros)),
        expected: { code: 'TOO_LARGE' },
        keeps: true,
      },
      {
        name: 'gzip that is none',
        onRequest: encoded('gzip', Buffer.from('body')),
        expected: { code: 'BODY' },
        keeps: true,
      },
      {
        name: 'gzip cut off',
        onRequest: encoded('gzip', gzipSync('body'.repeat(1000)).subarray(0, 30)),
        expected: { code: 'BODY' },
        keeps: true,
      },
      {
        name: 'gzip with a wrong checksum',
        onRequest: encoded('gzip', spoilt(gzipSync('body'))),
        expected: { code: 'BODY' },
        keeps: true,
      },
      {
        name: 'br that is none',
        onRequest: encoded('br', Buffer.from('body')),
        expected: { code: 'BODY' },
        keeps: true,
      },
      {
        name: 'an encoding that nobody asked for',
        onRequest: encoded('zstd', Buffer.from('body')),
        expected: { code: 'BODY' },
        keeps: true,
      },
      {
        name: 'an encoding called constructor',
        onRequest: encoded('constructor', Buffer.from('body')),
        expected: { code: 'BODY' },
        keeps: true,
      },
      {
        name: 'a hundred encodings',
        onRequest: encoded(Array(100).fill('gzip').join(), gzipSync('body')),
        expected: { code: 'BODY' },
        keeps: true,
      },
      {
        name: 'JSON cut off',
        onRequest: says(answer('{"a":', 'content-type: application/json')),
        expected: { code: 'BODY' },
        keeps: true,
      },
      {
        name: 'HTML that says it is JSON',
        onRequest: says(answer('<p>Error</p>', 'content-type: application/json')),
        expected: { code: 'BODY' },
        keeps: true,
      },
      {
        name: 'a charset that does not exist',
        onRequest: says(answer('body', 'content-type: text/plain; charset=martian')),
        expected: { code: 'BODY' },
        keeps: true,
      },
      {
        name: 'a content type that is none',
        onRequest: says(answer('body', 'content-type: ;;;')),
        expected: { data: 'body' },
      },
    ],
  },
  {
    name: 'redirects',
    cases: [
      {
        name: 'to itself, for ever',
        onRequest: says(answer('', 'location: /again', '302 Found')),
        expected: { code: 'REDIRECT' },
        keeps: true,
      },
      {
        name: 'to no URL',
        onRequest: says(answer('', 'location: http://[', '302 Found')),
        expected: { code: 'REDIRECT' },
        keeps: true,
      },
      {
        name: 'to a file',
        onRequest: says(answer('', 'location: file:///etc/passwd', '302 Found')),
        expected: { code: 'REDIRECT' },
        keeps: true,
      },
      {
        name: 'to a port nobody named',
        onRequest: says(answer('', 'location: http://127.0.0.1:1/', '302 Found')),
        expected: { code: 'BLOCKED' },
        keeps: true,
      },
      {
        name: 'with a body that never ends',
        onRequest: says(`HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 100\r\n\r\nhalf`),
        expected: { code: 'REDIRECT' },
      },
      {
        name: 'without a Location',
        onRequest: says(answer('', 'x: y', '302 Found')),
        expected: { code: 'STATUS' },
        keeps: true,
      },
    ],
  },
  {
    name: 'kept connections',
    cases: [
      {
        name: 'reset as it is reused, and the next is good',
        kept: true,
        onRequest: (socket, { before, path }) =>
          before > 0 ? socket.resetAndDestroy() : says(answer(`good ${path}`))(socket),
        expected: { data: 'good /1' },
      },
      {
        name: 'closed as it is reused, and the next is good',
        kept: true,
        onRequest: (socket, { before, path }) => (before > 0 ? socket.destroy() : says(answer(`good ${path}`))(socket)),
        expected: { data: 'good /1' },
      },
      {
        name: 'reset as it is reused, and so is the next',
        kept: true,
        onRequest: (socket) => socket.resetAndDestroy(),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'reset as it is reused under a POST, which is not repeated',
        kept: true,
        options: { method: 'POST', data: { a: 1 } },
        onRequest: (socket, { before, path }) =>
          before > 0 ? socket.resetAndDestroy() : says(answer(`good ${path}`))(socket),
        expected: { code: 'NETWORK' },
      },
      {
        name: 'reset mid-answer as it is reused, which is not repeated',
        kept: true,
        onRequest: (socket, { before, path }) => {
          if (before === 0) return says(answer(`good ${path}`))(socket);
          socket.write('HTTP/1.1 2');
          later(socket, 20, () => socket.resetAndDestroy());
        },
        expected: { code: 'NETWORK' },
      },
      { name: 'silent when reused', kept: true, expected: { code: 'DEADLINE' } },
      {
        name: 'a late answer to an aborted request',
        onRequest: (socket) => later(socket, deadline + 100, () => socket.write(answer('POISON'))),
        expected: { code: 'DEADLINE' },
      },
      {
        name: 'a late end of an aborted answer',
        kept: true,
        onRequest: (socket) => {
          socket.write(`${text}content-length: 100\r\n\r\nhalf`);
          later(socket, deadline + 100, () => socket.write(`${'x'.repeat(96)}${answer('POISON')}`));
        },
        expected: { code: 'DEADLINE' },
      },
    ],
  },
];

/** With another checksum at its end. */
function spoilt(gzip: Buffer): Buffer {
  const copy = Buffer.from(gzip);
  copy.writeUInt32LE(~copy.readUInt32LE(copy.length - 8) >>> 0, copy.length - 8);
  return copy;
}
