import type { Request } from 'express';
import type { Visitor } from './call/run.js';
import type { PagePlan } from './run/plan.js';
import { Run } from './run/run.js';
import type { Instance } from './stages/stage.js';
import type { RunInput } from './types.js';

/** What there is when all has ended that a page waits for. */
export type RunEnd = Pick<Run, 'outcomes' | 'promised'>;

/**
 * Runs a page without a response. Resolves when all has ended that it waits for, to the outcomes in the order written.
 * @throws {UpstreamError} (as a rejection) of a required upstream; or the reason of `signal`
 */
export function runPage(plan: PagePlan, instance: Instance, input: RunInput): Promise<RunEnd> {
  const { signal, locals = {} } = input;
  return new Promise((resolve, reject) => {
    const run = new Run(plan, instance, input.req ?? null, visitorOf(input), locals, {
      runEnded(_run, error) {
        if (error === null) resolve({ outcomes: run.outcomes, promised: run.promised });
        else reject(error);
      },
      allEnded() {
        signal?.removeEventListener('abort', stop);
      },
    });
    const stop = () => {
      run.cancel('its signal was aborted');
      reject(signal?.reason);
    };
    if (signal?.aborted) return stop();
    signal?.addEventListener('abort', stop, { once: true });
    run.start();
  });
}

function visitorOf({ req, params, query, headers }: RunInput): Visitor {
  return {
    params: params ?? req?.params ?? {},
    query: (query ?? req?.query ?? {}) as Request['query'],
    headers: headers === undefined ? (req?.headers ?? {}) : lowerCased(headers),
  };
}

/** Headers with names in lower case, as Node gives them. */
function lowerCased(headers: NonNullable<RunInput['headers']>): Request['headers'] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value as string]));
}
