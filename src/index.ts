// The whole public surface. Everything else, instances' services and the transport included, may change at any time.
export { mashup, multiGet } from './default.js';
export type { ConfigProblem, UpstreamErrorCode } from './errors.js';
export { ConfigError, isConfigError, isUpstreamError, UpstreamError } from './errors.js';
export { createMashup } from './mashup.js';
export type { Outcome, OutcomeSource, OutcomeStatus, Timings, UpstreamResponse } from './outcome.js';
export type { DataOf, LocalsOf, Mashup, MashupLocals, Page, RunResult, TypedUpstream } from './page-types.js';
export type { StandardIssue, StandardResult, StandardSchema } from './standard-schema.js';
export type {
  AxiosLike,
  BreakerOptions,
  Context,
  FromContext,
  HeaderValue,
  LimitOptions,
  MultiGetOptions,
  OriginStats,
  PageOptions,
  QuotaOptions,
  ResponseTransformer,
  RetryOptions,
  RunInput,
  Settings,
  Upstream,
  UpstreamMap,
  UpstreamOptions,
} from './types.js';
export { upstream } from './upstream.js';
