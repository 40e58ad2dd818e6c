import type { ListSource, UpstreamConfig } from '../checked.js';
import type { RequestPlan, RequestSource } from '../request/plan.js';
import type { JobPlan, Send } from '../stages/stage.js';
import type { HttpRequest, Tagger } from '../transport/http-request.js';

/** What tells the tags of the answer to one request. It does not keep the visitor's request. */
export interface TagPlan {
  of(source: RequestSource): Tagger;
}

/** Everything about one upstream of a page that does not depend on the client's request. */
export interface CallPlan extends JobPlan {
  readonly name: string;
  readonly config: UpstreamConfig;
  readonly request: RequestPlan;
  /** The request, if it is the same for all and can be sent at once (no condition, list or dependency); else null. */
  readonly plain: HttpRequest | null;
  /** How the tags of its answers are told, where that depends on the run; else null. */
  readonly tags: TagPlan | null;
  /** How its requests are sent: the stages that it configures, and the attempt. */
  readonly send: Send;
  /** The upstreams that must have ended before it starts. */
  readonly waitsFor: readonly CallPlan[];
  /** Those among them whose data it reads. If one of them fails, so does this. */
  readonly reads: readonly CallPlan[];
  /** Those that wait for it. */
  readonly unblocks: readonly CallPlan[];
  /** Whether a template of its reads `res.locals`, as middleware before the page left it. */
  readonly readsLocals: boolean;
  /** Where `each` finds its list. */
  readonly list: ListSource | null;
  /** The plan for one item of a fan-out; null without `each`. */
  readonly item: CallPlan | null;
}
