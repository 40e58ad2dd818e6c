import { createHash } from 'node:crypto';
import type { AxiosInstance } from 'axios';
import type { Decoder } from '../answer/decode.js';
import { mostJson } from '../answer/json.js';
import type { Policy } from '../answer/policy.js';
import type { CallPlan } from '../call/plan.js';
import type { CacheConfig, ListSource, UpstreamConfig } from '../checked.js';
import { planRequest } from '../request/request.js';
import { sendByAxios, sendOverWire } from '../stages/attempt.js';
import { buildPipeline } from '../stages/pipeline.js';
import type { UrlTemplate } from '../template/url-template.js';
import type { TagDraft } from './tags.js';

/** What a call plan is while its neighbours in the graph are still being made. */
export interface Draft {
  readonly name: string;
  readonly config: UpstreamConfig;
  readonly template: UrlTemplate | null;
  readonly list: ListSource | null;
  readonly tags: TagDraft;
  /** Upstreams whose data it reads, and all that it waits for. */
  readonly reads: readonly string[];
  readonly waitsFor: readonly string[];
}

/** Its place among the calls of its page. */
export interface Place {
  readonly index: number;
  readonly weight: number;
  readonly waitsFor: readonly CallPlan[];
  readonly reads: readonly CallPlan[];
  /** Whether another call of the same run may make an equal request. */
  readonly coincides: boolean;
  /** Of the page, in milliseconds. */
  readonly deadline: number;
}

export type MutableCallPlan = CallPlan & { readonly unblocks: CallPlan[] };

export function planCall(
  axios: AxiosInstance | null,
  { name, config, template, list, tags }: Omit<Draft, 'reads' | 'waitsFor'>,
  { coincides, deadline, ...place }: Place,
): MutableCallPlan {
  const request = planRequest(config, template, axios, tags.fixed);
  // The items of a list may be equal among themselves.
  const send = buildPipeline(config, coincides || list !== null, axios === null ? sendOverWire : sendByAxios);
  const isPlain = list === null && config.when === null && place.reads.length === 0 && tags.plan === null;
  const plan = {
    name,
    ...place,
    config,
    request,
    tags: tags.plan,
    plain: isPlain ? request.fixed : null,
    policy: policyOf(name, config, template?.origin ?? baseOrigin(axios)),
    decoder: decoderOf(config),
    allowance: Math.min(deadline, config.timeout ?? Infinity),
    patience: Math.min(deadline, config.timeout ?? Infinity, config.attemptTimeout ?? Infinity),
    send,
    unblocks: [],
    list,
    readsLocals: template?.sources.includes('locals') === true || (list?.kind === 'path' && list.source === 'locals'),
    item: null,
  };
  if (list === null) return plan;
  // An item is a call without what belongs to the whole.
  const itemConfig = { ...config, when: null, each: null, hasFallback: false, required: false, timeout: null };
  return { ...plan, item: { ...plan, config: itemConfig, list: null } };
}

/** The origin that relative URLs of an axios instance have; null where it has no baseURL. */
export function baseOrigin(axios: AxiosInstance | null): string | null {
  const base = axios?.defaults.baseURL;
  return base !== undefined && URL.canParse(base) ? new URL(base).origin : null;
}

function policyOf(upstream: string, config: UpstreamConfig, origin: string | null): Policy {
  const { origins, maxRedirects, maxContentLength, validateStatus } = config;
  const listed = new Set(origins === 'public' ? [] : origins);
  if (origin !== null) listed.add(origin);
  // What decides whether and when there is an answer at all counts as well.
  const { attemptTimeout, retry, hedge, breaker, quota, deadlineHeader, cache } = config;
  const safeMethod = config.safe ? config.method : null;
  const judge = retry === null && hedge === null ? null : identityOf(validateStatus);
  const how = [judge, attemptTimeout, retry, hedge, breaker, quota, deadlineHeader, safeMethod];
  const scope = JSON.stringify([
    maxRedirects,
    maxContentLength,
    [...listed].sort(),
    cache === null ? null : keeping(cache),
  ]);
  return {
    upstream,
    maxRedirects,
    maxContentLength,
    maxJson: mostJson(config),
    listed,
    validateStatus,
    safeMethod,
    revalidates: false,
    keyHeaders: cache === null || cache.keyHeaders === null ? null : new Set([...cache.keyHeaders, ...config.forward]),
    scope,
    key: JSON.stringify([scope, ...how, ...(cache === null ? [] : storing(config, cache))]),
  };
}

/**
 * What decides for how long a stored answer may be used, and what makes it stale. A page that wants an answer of the last second
 * must not be given one that another page keeps for an hour, nor one without its own tags.
 */
function keeping({ ttl, swr, staleIfError, tags }: CacheConfig): unknown[] {
  return [ttl, swr, staleIfError, typeof tags === 'function' ? sourceOf(tags) : tags];
}

/** By its text, which is the same on all machines, and where a page is made again for each request. */
function sourceOf(tags: (...args: never) => unknown): string {
  return createHash('sha256').update(String(tags)).digest('base64url');
}

/** What decides how an answer is stored, and so how the request for it may be shared. */
function storing(config: UpstreamConfig, { tags, ...numbers }: CacheConfig): unknown[] {
  const names = typeof tags === 'function' ? identityOf(tags) : tags;
  return [numbers, names, decoderOf(config).key, identityOf(config.validateStatus)];
}

function decoderOf(config: UpstreamConfig): Decoder {
  const { method, responseType, transformResponse, maxContentLength, given, schema, fragment } = config;
  const functions = [...transformResponse, ...(schema === null ? [] : [schema])].map(identityOf);
  // HEAD has no body whatever its answer says.
  const kind = [method === 'HEAD', responseType, fragment, mostJson(config)];
  const key = JSON.stringify([kind, transformResponse.length, functions]);
  return { method, responseType, transformResponse, maxContentLength, given, schema, fragment, key };
}

const identities = new WeakMap<object, number>();
let functions = 0;

/** A number for a function, which is equal to no other. */
function identityOf(of: object): number {
  let identity = identities.get(of);
  if (identity === undefined) {
    identity = functions++;
    identities.set(of, identity);
  }
  return identity;
}
