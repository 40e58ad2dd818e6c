import { Pieces } from '../answer/body.js';
import { withoutBlanks } from '../answer/single-headers.js';
import { unpin, WireAnswer } from '../answer/wire-answer.js';
import { Failure } from '../errors.js';
import { Chunks } from './chunks.js';
import { mostSent, tooLarge } from './encoding.js';
import { transportFailure } from './failure.js';
import type { HttpRequest } from './http-request.js';
import type { Connection, WireHandler } from './wire.js';

const empty = Buffer.alloc(0);
const MOST_INFORMATIONAL = 100;
const MOST_DRAINED = 64 * 1024;
const givenUp = new Error('the request was given up');
const lookAgain = new Error('the request is sent anew');

/** Whom an exchange works for. */
export interface ExchangeOwner {
  readonly maxContentLength: number;
  /** The head of the answer has come. If it returns true, the body is discarded and `exchangeEnded` is not called. */
  headCame(answer: WireAnswer): boolean;
  /** Called once. */
  exchangeEnded(exchange: Exchange): void;
}

/** One request and its answer on one connection. It tells its owner once how it ended. */
export class Exchange implements WireHandler {
  /** The answer, once its head has come. Its body is set when the exchange has succeeded. */
  answer: WireAnswer | null = null;
  /** How it failed; null if it did not, or not yet. */
  failure: Failure | null = null;
  /** Whether the request was given to a connection. */
  #sent = false;
  /** Whether any byte of an answer came. */
  #answered = false;
  #ended = false;
  #informational = 0;
  /** The body, as long as it is one piece. Most bodies stay so. */
  #piece: Buffer = empty;
  /** The body, once it is more than one piece. */
  #pieces: Pieces | null = null;
  /** How many bytes of a discarded body were read; null for a body that is wanted. */
  #drained: number | null = null;
  /** Reads the chunks of a body that undici's parser does not take for a chunked one. */
  #chunks: Chunks | null = null;
  readonly #connection: Connection;
  readonly #request: HttpRequest;
  readonly #owner: ExchangeOwner;

  constructor(connection: Connection, request: HttpRequest, owner: ExchangeOwner) {
    this.#connection = connection;
    this.#request = request;
    this.#owner = owner;
  }

  /** Whether its connection was there before. */
  get reused(): boolean {
    return this.#connection.reused;
  }

  start(): void {
    this.#connection.send(this.#request, this);
  }

  /**
   * Whether the other side closed a kept-alive connection just as it was used again: the request may not have been seen,
   * and one that is idempotent can be sent once more (RFC 9112, section 9.3.1).
   */
  get closedUnderneath(): boolean {
    return this.#sent && !this.#answered && this.#connection.reused && this.failure?.code === 'ERR_UPSTREAM_NETWORK';
  }

  abort(failure: Failure): void {
    if (this.#ended) return;
    this.failure = failure;
    this.#end();
  }

  onConnect(abort: (error: Error) => void): void {
    if (this.#ended) abort(givenUp);
    // Nothing is written yet: throwing here takes the request back, and the connection stays usable.
    else if (this.#connection.looksAgain()) throw lookAgain;
    this.#sent = true;
  }

  onResponseStarted(): void {
    this.#answered = true;
  }

  onHeaders(status: number, rawHeaders: Buffer[]): boolean {
    if (this.#ended) return true;
    if (status < 100) {
      this.abort(network('its status is not one of HTTP'));
      return true;
    }
    if (status < 200) {
      // 103 Early Hints and the like may come many times, but not without end.
      if (++this.#informational > MOST_INFORMATIONAL) this.abort(network('it sends nothing but informational answers'));
      return true;
    }
    unpin(rawHeaders);
    const answer = new WireAnswer(status, rawHeaders, this.#request.url);
    this.answer = answer;
    if (this.#owner.headCame(answer)) {
      this.#drained = 0;
      return true;
    }
    const length = answer.contentLength;
    if (length === null) this.#checkCoding(answer.header('transfer-encoding'));
    else if (this.#isTooLarge(length) && this.#hasBody) this.abort(tooLarge(this.#owner.maxContentLength));
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.#ended) return true;
    if (this.#drained !== null) return this.#drain(chunk, this.#drained);
    if (this.#chunks === null) this.#take(chunk);
    else this.#readChunks(this.#chunks, chunk);
    return true;
  }

  onComplete(): void {
    if (this.#ended) return;
    // A body without a length ends when the connection is closed. undici takes a reset for such an end too.
    const { broken } = this.#connection;
    if (broken !== null) return this.onError(broken);
    if (this.#drained !== null) {
      this.#ended = true;
      return this.#connection.release();
    }
    // Only a dispatcher of the user's own can do this.
    if (this.answer === null) return this.abort(network('it ended without an answer'));
    if (this.#chunks !== null) return this.abort(network('the answer broke off: its last chunk is missing'));
    this.#ended = true;
    this.answer.body = this.#pieces ?? this.#piece;
    this.#forget();
    this.#connection.release();
    this.#owner.exchangeEnded(this);
  }

  onError(error: Error): void {
    if (this.#ended) return;
    if (this.#drained !== null) return this.drop();
    if (error === lookAgain) return this.start();
    if (this.#brokeUnused) return this.#startAnew();
    if (!this.#isWhole(error)) this.failure = transportFailure(error, this.#sent, this.answer !== null);
    this.#end();
  }

  /** Ends an exchange whose body is discarded. Its owner is not told. */
  drop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#connection.destroy(givenUp);
  }

  /** Reads a discarded body if it is short, because then the connection can be used again. */
  #drain({ length }: Buffer, before: number): boolean {
    this.#drained = before + length;
    if (this.#drained > MOST_DRAINED) this.drop();
    return true;
  }

  #take(bytes: Buffer): void {
    if (!this.#ended && this.#isTooLarge(this.#add(bytes))) this.abort(tooLarge(this.#owner.maxContentLength));
  }

  #readChunks(chunks: Chunks, bytes: Buffer): void {
    if (!chunks.read(bytes, (data) => this.#take(data))) {
      return this.abort(network('the answer broke off: its chunks are not as HTTP/1.1 has them'));
    }
    if (!chunks.ended || this.#ended) return;
    // undici waits for the connection to be closed as the end of this body, so the connection cannot be used again.
    (this.answer as WireAnswer).body = this.#pieces ?? this.#piece;
    this.#end();
  }

  /**
   * Whether a kept-alive connection broke before anything was written on it, such as by a reset in the turn in which the
   * request began. Then the request is sent on a new one, whatever its method. (undici does so if it was closed instead.)
   */
  get #brokeUnused(): boolean {
    return !this.#sent && this.#connection.reused && this.#connection.broken !== null;
  }

  #startAnew(): void {
    // Not while undici handles the end of the old socket: it cannot take a new request then.
    queueMicrotask(() => {
      if (!this.#ended) this.start();
    });
  }

  /** Returns how many bytes there are now. */
  #add(chunk: Buffer): number {
    if (this.#pieces === null && this.#piece.length === 0) {
      this.#piece = chunk;
      return chunk.length;
    }
    this.#pieces ??= new Pieces(this.#piece);
    this.#pieces.add(chunk);
    return this.#pieces.length;
  }

  /** Whether so many bytes, as they were sent, exceed the limit, which is one of decoded bytes. */
  #isTooLarge(bytes: number): boolean {
    const limit = this.#owner.maxContentLength;
    return bytes > limit && bytes > mostSent(limit, this.answer?.header('content-encoding') ?? null);
  }

  /** Whether the answer has a body. If not, its Content-Length is that of a GET's body (RFC 9110, section 8.6). */
  get #hasBody(): boolean {
    return this.#request.method !== 'HEAD' && this.answer?.status !== 304;
  }

  /** Refuses every transfer-encoding but `chunked`. Named twice, it is still applied once. */
  #checkCoding(coding: string | null): void {
    if (coding === null) return;
    const text = coding.toLowerCase();
    const names = text.split(',').map(withoutBlanks);
    if (names.some((name) => name !== 'chunked')) {
      if (names.length > 1 || names[0] !== 'identity') {
        this.abort(network('its transfer-encoding is not one that was asked for'));
      }
      return;
    }
    // llhttp allows spaces after the last word, but not the tabs that are legal too (RFC 9110, section 5.6.3).
    const isMissed = text.slice(text.lastIndexOf('chunked')).includes('\t');
    if (isMissed && this.#hasBody && this.answer?.status !== 204) this.#chunks = new Chunks();
  }

  /** A 304 may have the Content-Length of the body that it omits (RFC 9110, section 8.6). For undici that is an error. */
  #isWhole(error: Error): boolean {
    return (
      this.answer?.status === 304 && (error as NodeJS.ErrnoException).code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
    );
  }

  /** The exchange lives as long as the run, but the body need not. */
  #forget(): void {
    this.#piece = empty;
    this.#pieces = null;
    this.#chunks = null;
  }

  #end(): void {
    this.#ended = true;
    this.#forget();
    try {
      this.#connection.destroy(givenUp);
    } finally {
      this.#owner.exchangeEnded(this);
    }
  }
}

function network(message: string): Failure {
  return new Failure('ERR_UPSTREAM_NETWORK', message);
}
