import { type FSWatcher, realpathSync, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';

/** Editors write a file in several steps. */
const SETTLE_MS = 50;

/**
 * Tells when a file has changed, and on SIGHUP. Its folder is watched, because many editors put a new file in the place of the old one.
 * Where the file is a link, its own folder is watched and that of the file it leads to: Kubernetes changes a mounted ConfigMap by
 * a link beside it. Returns what stops it.
 */
export function watchFile(file: string, changed: () => void): () => void {
  let timer: NodeJS.Timeout | null = null;
  let seen = versionOf(file);
  const look = () => {
    // At once, and not when all is quiet: another file in that folder may change all the time.
    const version = versionOf(file);
    if (version === seen) return;
    seen = version;
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(changed, SETTLE_MS).unref();
  };
  const watchers = foldersOf(file).flatMap((folder) => watcherOf(folder, look));
  process.on('SIGHUP', changed);
  return () => {
    if (timer !== null) clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
    process.off('SIGHUP', changed);
  };
}

function watcherOf(folder: string, look: () => void): FSWatcher[] {
  try {
    const watcher = watch(folder, { persistent: false }, look);
    watcher.on('error', () => watcher.close());
    return [watcher];
  } catch {
    // There is SIGHUP still.
    return [];
  }
}

function foldersOf(file: string): string[] {
  return [...new Set([dirname(file), dirname(attempt(() => realpathSync(file)) ?? file)])];
}

/** Different after each change of the file, or of what the link leads to; null where there is none. */
function versionOf(file: string): string | null {
  return attempt(() => {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join();
  });
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
