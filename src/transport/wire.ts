/** Where a request goes and what it says: undici's own vocabulary. `headers` are name, value, name, value … */
export interface WireRequest {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  readonly headers: string[];
  readonly body: string | Buffer | null;
}

/**
 * What undici tells of a request. These are the methods of its low-level interface, which gives headers unparsed and
 * costs no controller object.
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
  /** Whether it has carried an answer before, so that the other side may just be closing it. */
  readonly reused: boolean;
  /** The error that it was closed with; null if there was none. */
  readonly broken: Error | null;
  send(request: WireRequest, handler: WireHandler): void;
  /**
   * Whether something may have come that nobody asked for and nobody has seen: then the request that is about to be written
   * is sent anew. True once for a request.
   */
  looksAgain(): boolean;
  /** The answer is complete: others may use the connection. */
  release(): void;
  /** Closes it at once, also while it is connecting. */
  destroy(error: Error): void;
}

export interface Connections {
  /** A connection to an origin; `publicOnly` ones go to public internet addresses, and never mix with the others. */
  take(origin: string, publicOnly: boolean, fresh: boolean): Connection;
  /**
   * Closes idle connections now, and the others when they are released. With a timeout, whatever is still open after that
   * many milliseconds is destroyed. `onCut` is called before that, and once more when all are closed: whoever has not
   * asked for a connection by then should not do so.
   */
  close(timeout?: number, onCut?: () => void): Promise<void>;
}
