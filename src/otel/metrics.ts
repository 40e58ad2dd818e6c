import type { Attributes, Counter, Histogram, Meter } from '@opentelemetry/api';
import type { AttemptMessage, CacheMessage, CallMessage, RunMessage } from '../channels.js';
import type { Outcome } from '../outcome.js';
import { routeOf } from '../route.js';
import { measuredAttributes } from './attributes.js';
import { isInstrumented } from './spans.js';

const seconds = {
  unit: 's',
  advice: {
    explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  },
};

/** Measures runs, calls, attempts and lookups. */
export class Metrics {
  readonly #run: Histogram;
  readonly #call: Histogram;
  readonly #queue: Histogram;
  readonly #request: Histogram;
  readonly #lookups: Counter;
  readonly #attempts: boolean | 'auto';

  constructor(meter: Meter, attempts: boolean | 'auto') {
    const histogram = (name: string, description: string) => meter.createHistogram(name, { ...seconds, description });
    this.#run = histogram('mashup.run.duration', 'What pages waited for their upstreams.');
    this.#call = histogram('mashup.call.duration', 'Calls of upstreams, waiting, retries and decoding included.');
    this.#queue = histogram('mashup.call.queue.duration', 'How long calls waited before their first request was sent.');
    this.#request = histogram('http.client.request.duration', 'Duration of HTTP client requests.');
    this.#lookups = meter.createCounter('mashup.cache.lookups', { description: 'What the cache did for calls.' });
    this.#attempts = attempts;
  }

  runEnds({ req, began, ended, error }: RunMessage): void {
    const attributes: Attributes = {};
    const route = req === null ? null : routeOf(req);
    if (route !== null) attributes['http.route'] = route;
    if (error !== null) attributes['error.type'] = error.code;
    this.#run.record(((ended as number) - began) / 1000, attributes);
  }

  callEnds({ name, outcome }: CallMessage): void {
    const { status, source, error, timings } = outcome as Outcome;
    const attributes: Attributes = { 'mashup.upstream': name, 'mashup.status': status };
    if (source !== null) attributes['mashup.source'] = source;
    if (error !== null) attributes['error.type'] = error.code;
    this.#call.record(((timings.ended ?? timings.ready) - timings.ready) / 1000, attributes);
    if (timings.started !== null) {
      this.#queue.record((timings.started - timings.ready) / 1000, { 'mashup.upstream': name });
    }
  }

  attemptEnds(message: AttemptMessage): void {
    // Who makes spans of undici's requests measures them, too.
    if (this.#attempts === false || (this.#attempts === 'auto' && isInstrumented())) return;
    this.#request.record(((message.ended as number) - message.began) / 1000, measuredAttributes(message));
  }

  lookedUp({ upstream, record }: CacheMessage): void {
    this.#lookups.add(1, { 'mashup.upstream': upstream, 'mashup.cache.status': record.status });
  }
}
