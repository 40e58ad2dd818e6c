import { readFile, stat } from 'node:fs/promises';
import { type Clock, systemClock } from '../clock.js';

/** Whether the operating system knows a name without asking anybody. Calls back later; a wrong answer does no harm. */
export type IsLocal = (name: string, told: (isLocal: boolean) => void) => void;

const systemFile =
  process.platform === 'win32'
    ? `${process.env['SystemRoot'] ?? 'C:\\Windows'}\\System32\\drivers\\etc\\hosts`
    : '/etc/hosts';
const LOOK_AGAIN_MS = 5000;
/** A longer file is one of those lists that block names. */
const MOST_BYTES = 256 * 1024;

/** Whether a name always means this machine, whatever name servers say (RFC 6761, section 6.3). */
export function isLocalhost(name: string): boolean {
  return /(^|\.)localhost\.?$/i.test(name);
}

/** The names of the hosts file. It is read when it is first needed, and again every few seconds of use. */
export function hostsFile(path = systemFile, clock: Clock = systemClock): IsLocal {
  let names: Promise<ReadonlySet<string>> | null = null;
  let readAt = 0;
  return (name, told) => {
    if (names === null || clock.now() - readAt > LOOK_AGAIN_MS) {
      names = readNames(path);
      readAt = clock.now();
    }
    void names.then((known) => told(known.has(name) || isLocalhost(name)));
  };
}

async function readNames(path: string): Promise<ReadonlySet<string>> {
  try {
    const { size } = await stat(path);
    return size > MOST_BYTES ? new Set() : namesOf(await readFile(path, 'utf8'));
  } catch {
    return new Set();
  }
}

/** `address name alias …`, and comments after a number sign. */
function namesOf(text: string): Set<string> {
  const lines = text.toLowerCase().split('\n');
  return new Set(lines.flatMap((line) => (line.split('#', 1)[0] as string).trim().split(/\s+/).slice(1)));
}
