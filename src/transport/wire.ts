/** A request in undici's vocabulary. `headers` are name, value, name, value … */
export interface WireRequest {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  readonly headers: string[];
  readonly body: string | Buffer | null;
}

/**
 * The handler that undici calls for a request. This is its older interface, which passes headers unparsed and creates no
 * controller object.
 */
export interface WireHandler {
  onConnect(abort: (error: Error) => void): void;
  onResponseStarted(): void;
  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void): boolean;
  onData(chunk: Buffer): boolean;
  onComplete(): void;
  onError(error: Error): void;
}

/** A way to send one request at a time. */
export interface Connection {
  /** Whether it has carried an answer before. The other side may be closing it just now. */
  readonly reused: boolean;
  /** The error that it was closed with; null if there was none. */
  readonly broken: Error | null;
  send(request: WireRequest, handler: WireHandler): void;
  /**
   * Whether an unsolicited answer may have come that has not been read yet. If so, the request that is about to be written is
   * sent again in a later turn. True at most once for each request.
   */
  looksAgain(): boolean;
  /** The answer is complete, and the connection can be used again. */
  release(): void;
  /** Closes it at once, even while it is connecting. */
  destroy(error: Error): void;
}

export interface Connections {
  /**
   * A connection to an origin; `publicOnly` ones go to public internet addresses, and never mix with the others.
   * @param upstream the name of the upstream that is asked
   */
  take(origin: string, publicOnly: boolean, fresh: boolean, upstream: string): Connection;
  /**
   * Closes idle connections now, and the others when they are released. With a timeout, whatever is still open after that
   * many milliseconds is destroyed. `onCut` is called before that, and once more when all are closed: whoever has not
   * asked for a connection by then should not do so.
   */
  close(timeout?: number, onCut?: () => void): Promise<void>;
}
