import { AsyncLocalStorage } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import {
  type Attributes,
  type Context,
  context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { AttemptMessage, CallMessage, RunMessage } from '../channels.js';
import type { Outcome } from '../outcome.js';
import { routeOf } from '../route.js';
import { clientAttributes } from './attributes.js';

/** Enters contexts of OpenTelemetry where a channel enters a store. */
class ContextStore extends AsyncLocalStorage<Context> {
  override run<R, Args extends unknown[]>(entered: Context, callback: (...args: Args) => R, ...args: Args): R {
    return context.with(entered, callback, undefined, ...args);
  }
}

/** Whether anybody else makes spans, and sends trace headers, for what undici sends. */
export function isInstrumented(): boolean {
  return channel('undici:request:create').hasSubscribers;
}

/** Makes spans of runs, calls and attempts. */
export class Spans {
  /** Bound to the start of attempts, by `contextOf`: what is sent is sent in the context of its span. */
  readonly store = new ContextStore();
  readonly #tracer: Tracer;
  readonly #attemptSpans: boolean | 'auto';
  readonly #contexts = new WeakMap<object, Context>();
  /** The span of an attempt, and the root above it where it is shared. */
  readonly #attempts = new WeakMap<AttemptMessage, Span[]>();

  constructor(tracer: Tracer, attemptSpans: boolean | 'auto') {
    this.#tracer = tracer;
    this.#attemptSpans = attemptSpans;
  }

  runStarts(message: RunMessage): void {
    const { req, upstreams } = message;
    const route = req === null ? null : routeOf(req);
    const attributes = { 'mashup.upstreams': [...upstreams], ...(route !== null && { 'http.route': route }) };
    this.#begin(message, 'mashup', attributes, context.active());
  }

  runEnds(message: RunMessage): void {
    const isCanceled = message.outcomes?.some(({ error }) => error?.code === 'ERR_UPSTREAM_CANCELED') ?? false;
    if (isCanceled && message.error === null) this.#spanOf(message)?.setAttribute('mashup.canceled', true);
    this.#end(message, message.error?.code ?? null);
  }

  callStarts(message: CallMessage): void {
    const parent = (message.run === null ? undefined : this.#contexts.get(message.run)) ?? context.active();
    this.#begin(message, `mashup ${message.name}`, { 'mashup.upstream': message.name }, parent);
  }

  callEnds(message: CallMessage): void {
    const outcome = message.outcome as Outcome;
    const { status, source, attempts, error } = outcome;
    const attributes: Attributes = { 'mashup.status': status, 'mashup.attempts': attempts };
    if (source !== null) attributes['mashup.source'] = source;
    if (outcome.items !== undefined) attributes['mashup.items'] = outcome.items.length;
    this.#spanOf(message)?.setAttributes(attributes);
    // What fell back has not failed for the visitor, but for who looks at it.
    this.#end(message, error?.code ?? null);
  }

  /** The context in which an attempt is sent. */
  contextOf(message: AttemptMessage): Context {
    const spans: Span[] = [];
    const calling = message.call === null ? undefined : this.#contexts.get(message.call);
    let parent = calling ?? context.active();
    if (message.shared) {
      // It can outlive the request that it was begun for, and must not belong to it.
      const links: Link[] = calling === undefined ? [] : linksTo(calling);
      const options = {
        kind: SpanKind.INTERNAL,
        attributes: { 'mashup.upstream': message.upstream },
        links,
        root: true,
      };
      const root = this.#tracer.startSpan(`mashup fetch ${message.upstream}`, options, ROOT_CONTEXT);
      spans.unshift(root);
      parent = trace.setSpan(ROOT_CONTEXT, root);
    }
    if (this.#attemptSpans === true || (this.#attemptSpans === 'auto' && !isInstrumented())) {
      const attributes = clientAttributes(message);
      const span = this.#tracer.startSpan(message.method, { kind: SpanKind.CLIENT, attributes }, parent);
      spans.unshift(span);
      parent = trace.setSpan(parent, span);
      propagation.inject(parent, message.headers);
    }
    this.#attempts.set(message, spans);
    return parent;
  }

  attemptEnds(message: AttemptMessage): void {
    const { status, error } = message;
    for (const span of this.#attempts.get(message) ?? []) {
      if (status !== null) span.setAttribute('http.response.status_code', status);
      const type = error?.code ?? (status !== null && status >= 400 ? String(status) : null);
      fail(span, type);
      span.end();
    }
    this.#attempts.delete(message);
  }

  #begin(message: object, name: string, attributes: Attributes, parent: Context): void {
    const span = this.#tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes }, parent);
    this.#contexts.set(message, trace.setSpan(parent, span));
  }

  #spanOf(message: object): Span | undefined {
    const known = this.#contexts.get(message);
    return known === undefined ? undefined : trace.getSpan(known);
  }

  /** @param type what went wrong; null for nothing */
  #end(message: object, type: string | null): void {
    const span = this.#spanOf(message);
    if (span === undefined) return;
    fail(span, type);
    span.end();
  }
}

function linksTo(calling: Context): Link[] {
  const span = trace.getSpanContext(calling);
  return span === undefined ? [] : [{ context: span }];
}

function fail(span: Span, type: string | null): void {
  if (type === null) return;
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}
