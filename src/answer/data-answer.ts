import { Failure } from '../errors.js';
import type { UpstreamResponse } from '../outcome.js';
import type { Answer } from './answer.js';
import { type Decoder, noHtml } from './decode.js';
import { checked } from './schema.js';
import { once } from './single-headers.js';
import { contentType } from './text.js';

/** An answer whose data an axios instance has made already, with its transformers and interceptors. */
export class DataAnswer implements Answer {
  readonly source = 'network';
  readonly #head: UpstreamResponse;
  readonly #data: unknown;
  readonly #accepted: boolean;

  /** @param accepted whether the validateStatus of its request accepted it */
  constructor(head: UpstreamResponse, data: unknown, accepted: boolean) {
    this.#head = head;
    this.#data = data;
    this.#accepted = accepted;
  }

  get status(): number {
    return this.#head.status;
  }

  get url(): string {
    return this.#head.url;
  }

  header(name: string): string | null {
    const value = this.#head.headers[name];
    return value === undefined ? null : String(value);
  }

  single(name: string): string | null | undefined {
    const value = this.#head.headers[name];
    if (value === undefined) return null;
    const [first, ...others] = [value].flat().map(once);
    return others.every((other) => other === first) ? first : undefined;
  }

  accepted(): boolean | Failure {
    return this.#data instanceof Failure ? this.#data : this.#accepted;
  }

  read({ schema, fragment }: Decoder): unknown | Failure {
    const isEmpty = this.#data === null || this.#data === '';
    if (fragment && !isEmpty && contentType(this.header('content-type')).kind !== 'html') return noHtml;
    return checked(this.#data, schema);
  }

  /** Never shared: what an axios instance sends is not known before it is sent. */
  forFollower(): DataAnswer {
    return this;
  }

  response(): UpstreamResponse {
    return this.#head;
  }
}
