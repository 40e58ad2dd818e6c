import { Failure } from '../errors.js';
import type { UpstreamConfig } from '../plan/plan.js';
import { Answer } from '../transport/answer.js';
import { DataAnswer } from '../transport/axios-attempt.js';
import type { Waiting } from '../transport/turn-share.js';
import { accepts } from './accepts.js';
import { decode } from './decode.js';
import { validate } from './schema.js';

/** The data of an answer, or why there is none: its status is judged, its body decoded and checked. Or the promise of it. */
export function readAnswer(answer: Answer | DataAnswer, config: UpstreamConfig, who: Waiting | null = null): unknown {
  const accepted = accepts(config, answer);
  if (accepted !== true) {
    if (answer instanceof Answer) answer.takeBody();
    return accepted || new Failure('ERR_UPSTREAM_STATUS', `it answered ${answer.status}`, undefined, answer.status);
  }
  const data = answer instanceof DataAnswer ? answer.data : decode(answer, config, who);
  return config.schema === null || data instanceof Failure ? data : validate(config.schema, data);
}
