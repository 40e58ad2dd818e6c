import type { Response } from 'express';
import { rowOf } from './pages.js';
import type { RunRecord } from './record.js';
import type { Recorder } from './recorder.js';

const MOST_CLIENTS = 20;
/** A client that reads slowly misses runs. */
const MOST_UNREAD = 64 * 1024;
const BEAT_MS = 15_000;
/** Nobody reads more than this many new lines at a time: under load, the last ones are shown. */
const PAUSE_MS = 250;
const MOST_AT_ONCE = 10;

/** Tells open lists of new runs, by server-sent events. */
export class Live {
  readonly #recorder: Recorder;
  readonly #clients = new Map<Response, string>();
  /** Runs that have ended, or of which something has, since the last were told; the oldest first. */
  readonly #news = new Set<RunRecord>();
  #timer: NodeJS.Timeout | null = null;
  #stop: (() => void) | null = null;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** @param base where the inspector is mounted */
  open(res: Response, base: string): void {
    if (this.#clients.size === MOST_CLIENTS) return void res.status(503).end();
    this.#stop ??= this.#recorder.watch((run) => this.#note(run));
    this.#clients.set(res, base);
    res.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    });
    res.write(': open\n\n');
    // A proxy would close what is silent.
    const beat = setInterval(() => res.write(': still here\n\n'), BEAT_MS).unref();
    res.on('close', () => {
      clearInterval(beat);
      this.#clients.delete(res);
      if (this.#clients.size === 0) this.#rest();
    });
  }

  #note(run: RunRecord): void {
    this.#news.delete(run);
    this.#news.add(run);
    if (this.#news.size > MOST_AT_ONCE) {
      for (const oldest of this.#news) {
        this.#news.delete(oldest);
        break;
      }
    }
    this.#timer ??= setTimeout(() => this.#tell(), PAUSE_MS).unref();
  }

  #tell(): void {
    this.#timer = null;
    const runs = [...this.#news];
    this.#news.clear();
    for (const [res, base] of this.#clients) {
      if (res.writableLength <= MOST_UNREAD) res.write(runs.map((run) => eventOf(base, run)).join(''));
      (res as { flush?: () => void }).flush?.();
    }
  }

  /** Nobody is there. */
  #rest(): void {
    this.#stop?.();
    this.#stop = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#news.clear();
  }
}

function eventOf(base: string, run: RunRecord): string {
  const lines = String(rowOf(base, run)).split('\n');
  return `event: run\n${lines.map((line) => `data: ${line}\n`).join('')}\n`;
}
