import type { ListSource, UpstreamConfig } from '../checked.js';
import type { RequestPlan } from '../request/plan.js';
import type { JobPlan, Send } from '../stages/stage.js';
import type { HttpRequest } from '../transport/http-request.js';

/** One upstream, as it is called: everything that does not depend on the client's request. */
export interface CallPlan extends JobPlan {
  readonly name: string;
  readonly config: UpstreamConfig;
  readonly request: RequestPlan;
  /** The request, where nothing comes before it: no condition, no list, no other upstream's data. */
  readonly plain: HttpRequest | null;
  /** How its requests are sent: the stages that it configures, and the attempt. */
  readonly send: Send;
  /** The upstreams that must have ended before it starts. */
  readonly waitsFor: readonly CallPlan[];
  /** Those among them whose data it reads: where one has failed, so does this. */
  readonly reads: readonly CallPlan[];
  /** Those that wait for it. */
  readonly unblocks: readonly CallPlan[];
  /** Where `each` finds its list. */
  readonly list: ListSource | null;
  /** For one item of a fan-out; null where there is none. */
  readonly item: CallPlan | null;
}
