import { isIP } from 'node:net';
import type { Request } from 'express';

export type Allow = (req: Request) => boolean | Promise<boolean>;

/**
 * Whether a client may look. Where the app does not decide, only this machine may, and in production nobody: pages of internal
 * tools stand open on the internet again and again.
 */
export async function mayLook(req: Request, allow: Allow | null): Promise<boolean> {
  if (allow === null) return process.env['NODE_ENV'] !== 'production' && isFromHere(req);
  try {
    return (await allow(req)) === true;
  } catch {
    return false;
  }
}

/** Not through a proxy, and not by a name that somebody has pointed to this machine. */
function isFromHere({ socket, headers }: Request): boolean {
  const isProxied = 'x-forwarded-for' in headers || 'forwarded' in headers;
  return !isProxied && isLoopback(socket.remoteAddress ?? '') && isLoopback(hostOf(headers.host ?? ''));
}

function hostOf(header: string): string {
  return URL.canParse(`http://${header}`) ? new URL(`http://${header}`).hostname.replace(/^\[|\]$/g, '') : '';
}

function isLoopback(host: string): boolean {
  if (isIP(host) === 0) return host === 'localhost' || host.endsWith('.localhost');
  return host === '::1' || /^(?:::ffff:)?127\./.test(host);
}
