import { performance } from 'node:perf_hooks';

// An answer that nobody asked for must be seen before an idle connection carries the next request, or it is taken for that
// request's answer. undici lets the loop pass a setImmediate before it writes; but libuv polls once a turn, before the
// callbacks of the sockets, so what came while those were running (and a page begins in one of them) is not seen until the
// next turn. One more turn for every request is costly; one more where this turn has been a long one is not.

/** From here on a turn counts as long: not much beside what a request takes to reach an upstream and come back. */
const LONG_MS = 10;

let busyBefore = busyTime();
let watched = false;
let long = false;

/** Has the turn measured that is under way. To be called before undici schedules the writing of the request. */
export function watchTurn(): void {
  if (watched) return;
  watched = true;
  setImmediate(measureTurn);
}

/**
 * Whether the loop was busy for long since it last looked for what has come. Right in the check phase of a turn that is
 * watched, where requests on idle connections are written. Turns that were not watched count as one, which errs on the safe
 * side.
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
