// The whole public surface. Everything else, instances' services and the transport included, may change at any time.
export type {
  CacheOptions,
  CacheRecord,
  CacheSettings,
  CacheStats,
  CacheStore,
  CacheTarget,
  LogPosition,
  LogSlice,
  PageCacheOptions,
  StoreStats,
  TagContext,
} from './cache-types.js';
export type {
  AttemptKind,
  AttemptMessage,
  BreakerMessage,
  BudgetMessage,
  CacheMessage,
  CallMessage,
  RunMessage,
  StoreMessage,
} from './channels.js';
export { mashup, multiGet } from './default.js';
export type { ConfigProblem, UpstreamErrorCode } from './errors.js';
export { ConfigError, isConfigError, isUpstreamError, UpstreamError } from './errors.js';
export type { Advice } from './explain/advice.js';
export { type Explanation, explain } from './explain/explain.js';
export { createMashup } from './mashup.js';
export type { Outcome, OutcomeSource, OutcomeStatus, Timings, UpstreamResponse } from './outcome.js';
export type {
  DataOf,
  LocalsOf,
  Mashup,
  MashupLocals,
  MashupStats,
  Page,
  RunResult,
  TypedUpstream,
} from './page-types.js';
export type { AxiosLike, LimitOptions, OriginStats, Settings } from './settings-types.js';
export type { StandardIssue, StandardResult, StandardSchema } from './standard-schema.js';
export type {
  BreakerOptions,
  Context,
  FromContext,
  HeaderValue,
  MultiGetOptions,
  PageOptions,
  QuotaOptions,
  ResponseTransformer,
  RetryOptions,
  RunInput,
  Upstream,
  UpstreamMap,
  UpstreamOptions,
} from './types.js';
export { upstream } from './upstream.js';
