import type { Request } from 'express';
import { isThenable } from '../hook.js';
import type { Outcome } from '../outcome.js';
import { routeOf } from '../route.js';
import { soon } from '../soon.js';
import type { FailureListener } from '../types.js';

/** Tells a listener of a failure: later, because what it does or throws must not change what becomes of the run. */
export function tellFailure(onFailure: FailureListener, outcome: Outcome, req: Request | null): void {
  soon(() => {
    try {
      const result = onFailure(outcome, { req, page: req === null ? null : routeOf(req) });
      if (isThenable(result)) result.then(ignore, ignore);
    } catch {
      // It is the listener's own.
    }
  });
}

function ignore(): void {}
