// The entry `express-mashup/otel`: spans and metrics of OpenTelemetry.
import { type Channel, channel } from 'node:diagnostics_channel';
import { context, diag, type Meter, metrics, type Tracer, trace } from '@opentelemetry/api';
import type { AttemptMessage, CacheMessage, CallMessage, RunMessage } from '../channels.js';
import { aPlainObject, type Check, checkOptions, given, oneOf } from '../config/checks.js';
import { Problems } from '../errors.js';
import { Metrics } from './metrics.js';
import { Spans } from './spans.js';

export interface InstrumentOptions {
  /** @default the global provider's */
  tracer?: Tracer;
  /** @default the global provider's */
  meter?: Meter;
  /**
   * Whether each request that is sent has a CLIENT span, and sends trace headers: yes, no, or only where nobody else does that for
   * undici (@opentelemetry/instrumentation-undici), which would make two of each.
   * @default 'auto'
   */
  attemptSpans?: boolean | 'auto';
}

const undoKey = Symbol.for('express-mashup.otel');
const shared = globalThis as { [undoKey]?: () => void };

const checks: { readonly [Option in keyof Required<InstrumentOptions>]: Check } = {
  tracer: (value) =>
    typeof (value as Tracer | null)?.startSpan === 'function' ? null : 'a tracer of @opentelemetry/api',
  meter: (value) =>
    typeof (value as Meter | null)?.createHistogram === 'function' ? null : 'a meter of @opentelemetry/api',
  attemptSpans: (value) => (typeof value === 'boolean' ? null : oneOf('auto')(value) && "true, false or 'auto'"),
};

/**
 * Makes spans of runs and calls (INTERNAL) and of the requests that are sent (CLIENT, with `traceparent`), and measures them. Pages
 * must not have been instrumented before; a second call takes the place of the first.
 *
 * @returns what undoes it
 * @throws {ConfigError} with every problem of the options
 * @example instrument();
 */
export function instrument(options: InstrumentOptions = {}): () => void {
  readOptions(options);
  const { tracer, meter, attemptSpans = 'auto' } = options;
  shared[undoKey]?.();
  const undo = listen(
    new Spans(tracer ?? trace.getTracer('express-mashup'), attemptSpans),
    new Metrics(meter ?? metrics.getMeter('express-mashup'), attemptSpans),
  );
  shared[undoKey] = undo;
  return undo;
}

function readOptions(options: unknown): void {
  const problems = new Problems();
  if (aPlainObject(options) !== null) problems.add('options', `expected an object, but was given ${given(options)}`);
  else checkOptions(options as Record<string, unknown>, checks, 'options', problems);
  problems.throwIfAny();
}

function listen(spans: Spans, measured: Metrics): () => void {
  const stops: (() => void)[] = [];
  const on = <Message>(name: string, heard: (message: Message) => void): void => {
    const one = channel(name);
    // What a subscriber throws would end the process.
    const safely = (message: unknown): void => {
      try {
        heard(message as Message);
      } catch (error) {
        diag.error('express-mashup: could not record', error);
      }
    };
    one.subscribe(safely);
    stops.push(() => void one.unsubscribe(safely));
  };
  on<RunMessage>('tracing:express-mashup:run:start', (message) => spans.runStarts(message));
  on<RunMessage>('tracing:express-mashup:run:asyncEnd', (message) => {
    spans.runEnds(message);
    measured.runEnds(message);
  });
  on<CallMessage>('tracing:express-mashup:call:start', (message) => spans.callStarts(message));
  on<CallMessage>('tracing:express-mashup:call:asyncEnd', (message) => {
    spans.callEnds(message);
    measured.callEnds(message);
  });
  on<AttemptMessage>('tracing:express-mashup:attempt:asyncEnd', (message) => {
    spans.attemptEnds(message);
    measured.attemptEnds(message);
  });
  on<CacheMessage>('express-mashup:cache', (message) => measured.lookedUp(message));
  stops.push(bind(spans));
  return () => {
    for (const stop of stops.splice(0)) stop();
  };
}

/** Sends attempts in the context of their spans. */
function bind(spans: Spans): () => void {
  const starts: Channel = channel('tracing:express-mashup:attempt:start');
  starts.bindStore(spans.store, (message) => {
    try {
      return spans.contextOf(message as AttemptMessage);
    } catch (error) {
      diag.error('express-mashup: could not record', error);
      return context.active();
    }
  });
  return () => void starts.unbindStore(spans.store);
}
