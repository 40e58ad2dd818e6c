import type { Socket } from 'node:net';

/** As much of undici's parser as is looked at; it is llhttp in WebAssembly. */
interface Llhttp {
  readonly memory: { readonly buffer: ArrayBuffer };
  llhttp_get_errno(parser: number): number;
  llhttp_get_error_reason(parser: number): number;
  llhttp_errno_name(errno: number): number;
}

const said = new WeakMap<Error, string>();

/**
 * Keeps what llhttp says of an answer that it cannot read. undici drops the code, and where a Content-Length has come before it
 * says that the body does not match that, whatever is wrong with the head. Its parser is there until the socket is closed; it is
 * nothing that undici promises, and where it looks different, undici's own words have to do.
 */
export function noteParseErrors(socket: Socket): void {
  socket.prependOnceListener('error', (error) => {
    const words = isOfParser(error) ? askParser(socket) : null;
    if (words !== null) said.set(error, words);
  });
}

/** What was wrong with an answer that is not HTTP/1.1; null for other errors. `headed`: whether its head was right. */
export function parseErrorOf(error: Error, headed: boolean): string | null {
  if (!isOfParser(error)) return null;
  const words = said.get(error) ?? reason.exec(error.message)?.[1] ?? null;
  return words ?? (headed ? null : 'its head breaks after its Content-Length');
}

// A dispatcher of the user's own could say more than llhttp.
const reason = /^Response does not match the HTTP\/1\.1 protocol \(([\w '/,.-]{1,100})\)$/;

function isOfParser({ name, code }: NodeJS.ErrnoException): boolean {
  return name === 'HTTPParserError' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
}

// Where a length does not match, these say no more: the body was cut off, or undici itself stopped.
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
