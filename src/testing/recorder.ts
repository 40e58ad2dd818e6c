import { isUtf8 } from 'node:buffer';
import type { Connection, Connections, WireHandler, WireRequest } from '../transport/wire.js';
import { type Allowed, type Recorded, shownData, shownUrl } from './tape.js';

const MOST_ANSWERS = 1000;
const MOST_BYTES = 1024 * 1024;

/** Real connections whose answers are written down. */
export class RecordingConnections implements Connections {
  readonly answers: Recorded[] = [];
  /** Why something could not be written down. */
  readonly problems = new Set<string>();
  readonly #real: Connections;
  readonly #allowed: Allowed;

  constructor(real: Connections, allowed: Allowed) {
    this.#real = real;
    this.#allowed = allowed;
  }

  take(origin: string, publicOnly: boolean, fresh: boolean, upstream: string): Connection {
    return new RecordingConnection(this, upstream, this.#real.take(origin, publicOnly, fresh, upstream));
  }

  close(timeout?: number, onCut?: () => void): Promise<void> {
    return this.#real.close(timeout, onCut);
  }

  add(upstream: string, { method, origin, path }: WireRequest, heard: Heard): void {
    const { status, headers, body } = heard;
    const url = shownUrl(origin + path, this.#allowed.query);
    const type = headers.find(([name]) => name === 'content-type')?.[1] ?? '';
    const content = contentOf(body, type, this.#allowed.fields);
    if (this.answers.length >= MOST_ANSWERS) this.problems.add(`more than ${MOST_ANSWERS} answers cannot be recorded`);
    else if (typeof content === 'string') this.problems.add(`'${upstream}' (${url}): ${content}`);
    else this.answers.push({ upstream, method, url, status, headers: this.#shown(headers, origin + path), ...content });
  }

  refuse(upstream: string, why: string): void {
    this.problems.add(`'${upstream}': ${why}`);
  }

  #shown(headers: Heard['headers'], url: string): Record<string, string | string[]> {
    const shown: Record<string, string | string[]> = {};
    for (const [name, value] of headers) {
      if (!this.#allowed.headers.has(name)) continue;
      const before = shown[name];
      const text = name === 'location' ? this.#location(value, url) : value;
      shown[name] = before === undefined ? text : [before, text].flat();
    }
    return shown;
  }

  #location(value: string, url: string): string {
    return URL.canParse(value, url) ? shownUrl(new URL(value, url).href, this.#allowed.query) : '';
  }
}

/** An answer as it came. */
interface Heard {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** What is written down of a body; or why nothing can be. */
function contentOf(body: Buffer, type: string, fields: Allowed['fields']): Partial<Recorded> | string {
  if (body.length === 0) return {};
  if (/\bjson\b/i.test(type)) {
    try {
      return { json: shownData(JSON.parse(body.toString()), fields) };
    } catch {
      return 'its body is not JSON as it says';
    }
  }
  if (fields !== null) return 'its body is not JSON, and is recorded only with fields: true';
  return isUtf8(body) ? { text: body.toString() } : { base64: body.toString('base64') };
}

class RecordingConnection implements Connection {
  readonly #recorder: RecordingConnections;
  readonly #upstream: string;
  readonly #real: Connection;

  constructor(recorder: RecordingConnections, upstream: string, real: Connection) {
    this.#recorder = recorder;
    this.#upstream = upstream;
    this.#real = real;
  }

  get reused(): boolean {
    return this.#real.reused;
  }

  get broken(): Error | null {
    return this.#real.broken;
  }

  looksAgain(): boolean {
    return this.#real.looksAgain();
  }

  release(): void {
    this.#real.release();
  }

  destroy(error: Error): void {
    this.#real.destroy(error);
  }

  send(request: WireRequest, handler: WireHandler): void {
    const { origin, path, method, body } = request;
    // Uncompressed, so that it can be read and blanked.
    const headers = [...without(request.headers, 'accept-encoding'), 'accept-encoding', 'identity'];
    const listener = new Listener(handler, (heard) => this.#heard(request, heard));
    this.#real.send({ origin, path, method, headers, body }, listener);
  }

  #heard(request: WireRequest, heard: Heard | null): void {
    if (heard === null) this.#recorder.refuse(this.#upstream, `a body of more than ${MOST_BYTES} bytes`);
    else if (heard.headers.some(([name, value]) => name === 'content-encoding' && value !== 'identity')) {
      this.#recorder.refuse(this.#upstream, 'it compresses its answers, though it was asked not to');
    } else this.#recorder.add(this.#upstream, request, heard);
  }
}

function without(headers: readonly string[], unwanted: string): string[] {
  return headers.filter((_, at) => (headers[at - (at % 2)] as string).toLowerCase() !== unwanted);
}

/** Passes an answer on, and tells what it was when it has come whole; null if it was too large. */
class Listener implements WireHandler {
  readonly #next: WireHandler;
  readonly #tell: (heard: Heard | null) => void;
  #status = 0;
  #headers: [string, string][] = [];
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(next: WireHandler, tell: (heard: Heard | null) => void) {
    this.#next = next;
    this.#tell = tell;
  }

  onConnect(abort: (error: Error) => void): void {
    this.#next.onConnect(abort);
  }

  onResponseStarted(): void {
    this.#next.onResponseStarted();
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void): boolean {
    this.#status = status;
    this.#headers = [];
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      const [name, value] = [String(rawHeaders[at]).toLowerCase(), (rawHeaders[at + 1] as Buffer).toString('latin1')];
      this.#headers.push([name, value]);
    }
    return this.#next.onHeaders(status, rawHeaders, resume);
  }

  onData(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    // A copy: the page gets the bytes themselves.
    if (this.#bytes <= MOST_BYTES) this.#pieces.push(Buffer.from(chunk));
    else this.#pieces = [];
    return this.#next.onData(chunk);
  }

  onComplete(): void {
    const [status, headers, body] = [this.#status, this.#headers, Buffer.concat(this.#pieces)];
    this.#tell(this.#bytes > MOST_BYTES ? null : { status, headers, body });
    this.#next.onComplete();
  }

  onError(error: Error): void {
    this.#next.onError(error);
  }
}
