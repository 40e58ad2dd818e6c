import { performance } from 'node:perf_hooks';

// An unsolicited answer on an idle connection must be seen before the next request is written there, or it is taken for that
// request's answer. undici waits for a setImmediate before it writes. But libuv polls once a turn, before it runs the sockets'
// callbacks, and a page begins in such a callback: what comes while callbacks run is not seen until the next turn. Waiting one
// more turn for every request is costly. Waiting one more only after a long turn is not.

/** A turn that takes more than this is a long one. It is little beside a round trip to most upstreams. */
const LONG_MS = 10;

let busyBefore = busyTime();
let watched = false;
let long = false;

/** Measures the current turn. Must be called before undici schedules the writing of the request. */
export function watchTurn(): void {
  if (watched) return;
  watched = true;
  setImmediate(measureTurn);
}

/**
 * Whether the loop has been busy for long since it last polled. Valid in the check phase of a watched turn, in which requests
 * on idle connections are written. Turns that were not watched count as part of it, which is on the safe side.
 */
export function turnWasLong(): boolean {
  return long;
}

function measureTurn(): void {
  const busy = busyTime();
  long = busy - busyBefore > LONG_MS;
  busyBefore = busy;
  watched = false;
}

function busyTime(): number {
  return performance.now() - performance.nodeTiming.idleTime;
}
