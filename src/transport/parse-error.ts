import type { Socket } from 'node:net';

/** The part of undici's parser (llhttp in WebAssembly) that is used here. */
interface Llhttp {
  readonly memory: { readonly buffer: ArrayBuffer };
  llhttp_get_errno(parser: number): number;
  llhttp_get_error_reason(parser: number): number;
  llhttp_errno_name(errno: number): number;
}

const said = new WeakMap<Error, string>();

/**
 * Records what llhttp says of an answer that it cannot parse. undici drops llhttp's code, and after a Content-Length it reports
 * a mismatch with that, whatever is wrong with the head. The parser hangs on the socket until that is closed. This is internal
 * to undici: where it looks different, undici's own message is used.
 */
export function noteParseErrors(socket: Socket): void {
  socket.prependOnceListener('error', (error) => {
    const words = isOfParser(error) ? askParser(socket) : null;
    if (words !== null) said.set(error, words);
  });
}

/** What was wrong with an answer that is not HTTP/1.1; null for other errors. `headed`: whether its head was valid. */
export function parseErrorOf(error: Error, headed: boolean): string | null {
  if (!isOfParser(error)) return null;
  const words = said.get(error) ?? reason.exec(error.message)?.[1] ?? null;
  return words ?? (headed ? null : 'its head breaks after its Content-Length');
}

// Strict, because a dispatcher of the user's own could put anything there.
const reason = /^Response does not match the HTTP\/1\.1 protocol \(([\w '/,.-]{1,100})\)$/;

function isOfParser({ name, code }: NodeJS.ErrnoException): boolean {
  return name === 'HTTPParserError' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
}

// Codes that explain nothing: the body was cut off, or undici itself stopped.
const wordless = /^HPE_(OK|PAUSED|USER|INVALID_EOF_STATE|CB_)/;

function askParser(socket: Socket): string | null {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'parser');
  const { llhttp, ptr } = (key === undefined ? {} : (socket as never)[key]) as { llhttp?: Llhttp; ptr?: number };
  if (llhttp?.llhttp_errno_name === undefined || typeof ptr !== 'number') return null;
  const text = (at: number): string => {
    const bytes = Buffer.from(llhttp.memory.buffer);
    return at === 0 ? '' : bytes.toString('latin1', at, bytes.indexOf(0, at));
  };
  const code = text(llhttp.llhttp_errno_name(llhttp.llhttp_get_errno(ptr)));
  return wordless.test(code) ? null : `${text(llhttp.llhttp_get_error_reason(ptr))} (${code})`;
}
