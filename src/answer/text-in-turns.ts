import { TextDecoder } from 'node:util';
import { Failure } from '../errors.js';
import { type Body, lent, whole } from './body.js';
import { type ContentType, decodeText, encodingOfText } from './text.js';
import { TurnShare, type Waiting } from './turn-share.js';

/** How many bytes of bodies are decoded and parsed in one turn of the event loop, unless there is only one body. */
const MOST_A_TURN = 256 * 1024;
const SLICE = MOST_A_TURN / 2;

const turns = new TurnShare(MOST_A_TURN);

/**
 * A body as text, or why it cannot be decoded. A promise if it has to wait for a later turn. A large body is decoded in slices,
 * a slice in each turn: 10 MiB of invalid bytes in some charsets take 0.4 s. The work stops once `who` is over.
 */
export function readText(
  body: Body,
  type: ContentType,
  who: Waiting | null,
): string | Failure | Promise<string | Failure> {
  if (body.length > MOST_A_TURN) return decodeInSlices(whole(body), type, who);
  return turns.take(body.length) ? decodeText(lent(body), type) : decodeLater(body, type, who);
}

/** Resolves when there is time to parse a text; undefined for a short text, whose decoding was counted already. */
export function timeToParse(text: string, who: Waiting | null): Promise<void> | undefined {
  return text.length > MOST_A_TURN ? turns.wait(text.length, who) : undefined;
}

async function decodeLater(body: Body, type: ContentType, who: Waiting | null): Promise<string | Failure> {
  await turns.wait(body.length, who);
  return who?.over ? '' : decodeText(lent(body), type);
}

async function decodeInSlices(body: Buffer, type: ContentType, who: Waiting | null): Promise<string | Failure> {
  const encoding = encodingOfText(body, type);
  if (encoding instanceof Failure) return encoding;
  const slices = encoding === 'utf-8' ? new Utf8Slices(body) : new Slices(body, encoding);
  let text = '';
  while (slices.left > 0) {
    await turns.wait(Math.min(SLICE, slices.left), who);
    if (who?.over) return '';
    text += slices.next(SLICE);
  }
  return text;
}

class Slices {
  readonly #body: Buffer;
  readonly #decoder: TextDecoder;
  #at = 0;

  constructor(body: Buffer, encoding: string) {
    this.#body = body;
    this.#decoder = new TextDecoder(encoding);
  }

  get left(): number {
    return this.#body.length - this.#at;
  }

  next(length: number): string {
    const text = this.#decoder.decode(this.#body.subarray(this.#at, this.#at + length), { stream: true });
    this.#at = Math.min(this.#at + length, this.#body.length);
    return this.left > 0 ? text : text + this.#decoder.decode();
  }
}

/** For UTF-8. Buffer.toString makes one-byte strings where possible, which TextDecoder does not. */
class Utf8Slices {
  readonly #body: Buffer;
  #at: number;

  constructor(body: Buffer) {
    this.#body = body;
    const isMarked = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
    this.#at = isMarked ? 3 : 0;
  }

  get left(): number {
    return this.#body.length - this.#at;
  }

  next(length: number): string {
    const end = characterStart(this.#body, this.#at + length);
    const text = this.#body.toString('utf8', this.#at, end);
    this.#at = end;
    return text;
  }
}

/** Where the UTF-8 character begins that the byte at an index belongs to. A character has at most four bytes. */
function characterStart(body: Buffer, at: number): number {
  if (at >= body.length) return body.length;
  for (let start = at; start > at - 4; start--) {
    if (((body[start] as number) & 0xc0) !== 0x80) return start;
  }
  return at;
}
