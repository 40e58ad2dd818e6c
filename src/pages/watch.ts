import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Editors write a file in several steps. */
const SETTLE_MS = 50;

/**
 * Tells when a file may have changed, and on SIGHUP. The folder is watched, because many editors put a new file in the place of the
 * old one. Returns what stops it.
 */
export function watchFile(file: string, changed: () => void): () => void {
  let timer: NodeJS.Timeout | null = null;
  const soon = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(changed, SETTLE_MS).unref();
  };
  let watcher: FSWatcher | null = null;
  try {
    watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
      if (name === null || name === basename(file)) soon();
    });
    watcher.on('error', () => watcher?.close());
  } catch {
    // There is SIGHUP still.
  }
  process.on('SIGHUP', soon);
  return () => {
    if (timer !== null) clearTimeout(timer);
    watcher?.close();
    process.off('SIGHUP', soon);
  };
}
