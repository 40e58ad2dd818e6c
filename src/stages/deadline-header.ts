import type { Stage } from './stage.js';

interface Options {
  readonly name: string;
  readonly attemptTimeout: number;
}

/** Tells the upstream how many milliseconds are left for its answer. */
export const deadlineHeaderStage: Stage<Options> = {
  name: 'deadlineHeader',
  options: ({ deadlineHeader, attemptTimeout }) =>
    deadlineHeader === null ? null : { name: deadlineHeader, attemptTimeout: attemptTimeout ?? Infinity },
  wrap: ({ name, attemptTimeout }, next) =>
    function withDeadlineHeader(job, request) {
      const left = Math.min(job.endsAt - job.scope.instance.clock.now(), attemptTimeout);
      next(job, request.withHeader(name, String(Math.max(1, Math.floor(left)))));
    },
};
