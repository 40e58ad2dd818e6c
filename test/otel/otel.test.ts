import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import axios from 'axios';
import type { RequestHandler } from 'express';
import { isConfigError, type Mashup, type UpstreamMap } from '../../src/index.js';
import { instrument } from '../../src/otel/index.js';
import type { PageOptions } from '../../src/types.js';
import { Reader, site } from '../html/reader.js';
import { type Recorder, startUpstream } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { expresses, newMashup } from '../support/site.js';

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();
const tracer = trace.getTracer('test');
afterAll(async () => {
  await provider.shutdown();
  context.disable();
  propagation.disable();
  trace.disable();
});

let upstream: Recorder;
let mashup: Mashup;
/** Answers to requests of a path that wait for the test, in order. */
let waiting: (() => void)[];

beforeEach(async () => {
  exporter.reset();
  waiting = [];
  const failed = new Set<string>();
  upstream = await startUpstream(async (response, { url }) => {
    if (url.startsWith('/wait') && waiting.length < 1) await new Promise<void>((resolve) => waiting.push(resolve));
    const isFirst = url.startsWith('/once') && !failed.has(url);
    if (isFirst) failed.add(url);
    if (url === '/redirect') return void response.writeHead(302, { location: '/ok' }).end();
    response.writeHead(isFirst || url === '/bad' ? 503 : 200, { 'content-type': 'application/json' }).end('{"a":1}');
  });
  mashup = newMashup();
});
afterEach(closeAll);

const url = (path: string) => upstream.origin + path;
const spansOf = (kind: SpanKind) =>
  exporter.getFinishedSpans().filter((span) => span.kind === kind && !isTakenBack(span));
/** After a long turn of the event loop, a request is taken back before anything is written, and given to undici again. */
const isTakenBack = ({ status }: ReadableSpan) => status.message === 'the request is sent anew';
const idOf = (span: ReadableSpan) => span.spanContext().spanId;
const named = (name: string) => exporter.getFinishedSpans().find((span) => span.name === name) as ReadableSpan;

/** The trace headers of a request, which must be one valid `traceparent`. */
function parentOf({ headers }: Recorder['sent'][number]): { trace: string; span: string } {
  const [, traceId = '', span = ''] = /^00-([\da-f]{32})-([\da-f]{16})-01$/.exec(String(headers['traceparent'])) ?? [];
  expect([headers['traceparent'], span]).not.toContain('');
  return { trace: traceId, span };
}

/** Runs a page in the span of a visitor. */
async function visit(upstreams: UpstreamMap, options: PageOptions = {}, page = mashup(upstreams, options)) {
  return await tracer.startActiveSpan('visitor', async (span) => {
    const result = await page.run().catch((error: unknown) => error as never);
    span.end();
    return result;
  });
}

const ways: [name: string, theirs: boolean, attemptSpans: boolean | 'auto'][] = [
  ['our CLIENT spans', false, 'auto'],
  ['those of instrumentation-undici', true, 'auto'],
  ['ours by choice', false, true],
];

describe.each(ways)('with %s', (_name, theirs, attemptSpans) => {
  beforeEach(() => {
    if (theirs) {
      const instrumentation = new UndiciInstrumentation();
      instrumentation.setTracerProvider(provider);
      closeLater(() => instrumentation.disable());
    }
    closeLater(instrument({ attemptSpans }));
  });

  /** One CLIENT span for each request, of which the request says that it is its parent. */
  async function expectOneEach(count: number): Promise<ReadableSpan[]> {
    expect(upstream.sent).toHaveLength(count);
    // Theirs end a little later than our call.
    while (spansOf(SpanKind.CLIENT).length < count) await settled();
    const spans = spansOf(SpanKind.CLIENT);
    expect(upstream.sent.map((sent) => parentOf(sent).span).sort()).toEqual(spans.map(idOf).sort());
    for (const sent of upstream.sent) {
      expect(spans.map((span) => span.spanContext().traceId)).toContain(parentOf(sent).trace);
    }
    return spans;
  }

  test('a plain call has one, under its own, under the run, under the visitor', async () => {
    await visit({ a: url('/ok') });
    const [client] = await expectOneEach(1);
    expect(client?.parentSpanContext?.spanId).toBe(idOf(named('mashup a')));
    expect(named('mashup a').parentSpanContext?.spanId).toBe(idOf(named('mashup')));
    expect(named('mashup').parentSpanContext?.spanId).toBe(idOf(named('visitor')));
    expect(named('mashup a').attributes).toMatchObject({
      'mashup.status': 'success',
      'mashup.attempts': 1,
      'mashup.source': 'network',
    });
    expect(client?.attributes).toMatchObject({
      'http.request.method': 'GET',
      'server.address': '127.0.0.1',
      'http.response.status_code': 200,
    });
  });

  test('each retry has one', async () => {
    await visit({ a: { url: url('/once'), retry: { backoff: 1 } } });
    for (const client of await expectOneEach(2)) expect(client.parentSpanContext?.spanId).toBe(idOf(named('mashup a')));
  });

  test('a hedge has one', async () => {
    const clock = new ManualClock();
    mashup = mashupWith({ clock });
    closeLater(() => mashup.close());
    const running = visit({ a: { url: url('/wait'), hedge: 10 } });
    while (waiting.length === 0) await settled();
    clock.advance(20);
    await running;
    for (const answer of waiting) answer();
    while (spansOf(SpanKind.CLIENT).length < 2) await settled();
    for (const client of await expectOneEach(2)) expect(client.parentSpanContext?.spanId).toBe(idOf(named('mashup a')));
  });

  test('equal calls of a run share one', async () => {
    await visit({ a: url('/ok'), b: url('/ok') });
    await expectOneEach(1);
    expect(named('mashup b').attributes['mashup.source']).toBe('shared');
  });

  test('what visitors share has a root of its own, with a link', async () => {
    const page = mashup({ a: { url: url('/ok'), coalesce: true } });
    await Promise.all([visit({}, {}, page as never), visit({}, {}, page as never)]);
    const [client] = await expectOneEach(1);
    const root = named('mashup fetch a');
    expect(client?.parentSpanContext?.spanId).toBe(idOf(root));
    expect(root.parentSpanContext).toBeUndefined();
    expect(root.links.map((link) => link.context.spanId)).toEqual([
      exporter
        .getFinishedSpans()
        .filter(({ name, attributes }) => name === 'mashup a' && attributes['mashup.source'] === 'network')
        .map(idOf)[0],
    ]);
    const visitors = exporter.getFinishedSpans().filter(({ name }) => name === 'visitor');
    expect(visitors.map((span) => span.spanContext().traceId)).not.toContain(root.spanContext().traceId);
  });

  test('a refresh behind the page has a root of its own, with a link', async () => {
    const clock = new ManualClock();
    mashup = mashupWith({ clock });
    closeLater(() => mashup.close());
    const page = mashup({ a: { url: url('/ok'), cache: { ttl: 1000, swr: 10_000 } } });
    await page.run();
    clock.advance(2000);
    exporter.reset();
    await visit({}, {}, page as never);
    while (spansOf(SpanKind.CLIENT).length < 1 || named('mashup fetch a') === undefined) await settled();
    const [client] = spansOf(SpanKind.CLIENT);
    const root = named('mashup fetch a');
    expect(client?.parentSpanContext?.spanId).toBe(idOf(root));
    expect(root.links.map((link) => link.context.spanId)).toEqual([idOf(named('mashup a'))]);
    expect(upstream.sent.map((sent) => parentOf(sent).trace)).toContain(root.spanContext().traceId);
    expect(named('mashup a').attributes['mashup.source']).toBe('stale');
  });

  test('a fan-out has one for each item', async () => {
    await visit({ all: { url: url('/ok?{item}'), each: () => [1, 2, 3] } });
    for (const client of await expectOneEach(3))
      expect(client.parentSpanContext?.spanId).toBe(idOf(named('mashup all')));
    expect(named('mashup all').attributes['mashup.items']).toBe(3);
  });

  test('requests of an axios instance have one', async () => {
    mashup = newMashup({ axios: axios.create() });
    await visit({ a: url('/ok') });
    const [client] = await expectOneEach(1);
    expect(client?.parentSpanContext?.spanId).toBe(idOf(named('mashup a')));
  });

  test('a redirect stays under its call', async () => {
    await visit({ a: url('/redirect') });
    while (spansOf(SpanKind.CLIENT).length < (theirs ? 2 : 1)) await settled();
    const clients = spansOf(SpanKind.CLIENT);
    expect(clients.length).toBe(theirs ? 2 : 1);
    for (const client of clients) expect(client.parentSpanContext?.spanId).toBe(idOf(named('mashup a')));
    expect(new Set(upstream.sent.map((sent) => parentOf(sent).trace)).size).toBe(1);
  });

  test('30 visitors at the same time are never under one another', async () => {
    const page = mashup({ a: url('/ok?1'), b: { url: url('/ok?2'), after: ['a'] } });
    await Promise.all(Array.from({ length: 30 }, () => visit({}, {}, page as never)));
    await expectOneEach(60);
    const spans = exporter.getFinishedSpans().filter((span) => !isTakenBack(span));
    const traces = new Set(spans.map((span) => span.spanContext().traceId));
    expect(traces.size).toBe(30);
    for (const id of traces) {
      const own = spans.filter((span) => span.spanContext().traceId === id);
      expect(own.map(({ name, kind }) => (kind === SpanKind.CLIENT ? 'client' : name)).sort()).toEqual([
        'client',
        'client',
        'mashup',
        'mashup a',
        'mashup b',
        'visitor',
      ]);
      for (const { parentSpanContext } of own) {
        if (parentSpanContext !== undefined) expect(own.map(idOf)).toContain(parentSpanContext.spanId);
      }
    }
  });

  test.each(expresses)(
    'the handler, and what it begins, is in the context of the visitor, on %s',
    async (_express, express) => {
      const seen = deferred<string | undefined>();
      const url_ = await site(
        express,
        (_req, _res, next) =>
          tracer.startActiveSpan('visitor', (span) => {
            next();
            span.end();
          }),
        mashup({ a: url('/ok') }) as unknown as RequestHandler,
        (_req, res) => {
          seen.resolve(trace.getActiveSpan()?.spanContext().spanId);
          res.end();
        },
      );
      await new Reader(url_).ended();
      expect(await seen.promise).toBe(idOf(named('visitor')));
      expect(named('mashup').attributes['http.route']).toBe('/');
    },
  );

  test('failures are errors, with their codes', async () => {
    await visit({
      bad: { url: url('/bad'), fallback: 0 },
      need: { url: url('/bad?1'), required: true, after: ['bad'] },
    });
    await visit({ need: { url: 'http://127.0.0.1:1/', required: true } });
    const [first] = spansOf(SpanKind.CLIENT);
    expect(first?.attributes).toMatchObject({ 'http.response.status_code': 503 });
    expect(first?.status.code).toBe(SpanStatusCode.ERROR);
    expect(named('mashup bad')).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'mashup.status': 'fallback', 'error.type': 'ERR_UPSTREAM_STATUS' },
    });
    const runs = exporter.getFinishedSpans().filter(({ name }) => name === 'mashup');
    expect(runs.map(({ attributes }) => attributes['error.type'])).toEqual([undefined, 'ERR_UPSTREAM_CONNECT']);
  });
});

test('URLs in spans have no credentials and no values of queries', async () => {
  closeLater(instrument());
  await visit({ a: { url: url('/ok?token=secret'), auth: { username: 'u', password: 'secret' } } });
  const texts = JSON.stringify(exporter.getFinishedSpans().map(({ name, attributes }) => [name, attributes]));
  expect(texts).toContain('/ok?token=…');
  expect(texts).not.toContain('secret');
});

test('what is undone makes no spans and sends no trace headers, and a second call takes the place of the first', async () => {
  instrument();
  const undo = instrument();
  await visit({ a: url('/ok') });
  expect(spansOf(SpanKind.CLIENT)).toHaveLength(1);
  undo();
  undo();
  await visit({ a: url('/ok') });
  expect(spansOf(SpanKind.CLIENT)).toHaveLength(1);
  expect(upstream.sent[1]?.headers).not.toHaveProperty('traceparent');
});

test('attemptSpans: false makes none', async () => {
  closeLater(instrument({ attemptSpans: false }));
  await visit({ a: url('/ok') });
  expect(spansOf(SpanKind.CLIENT)).toEqual([]);
  expect(named('mashup a')).toBeDefined();
  expect(upstream.sent[0]?.headers).not.toHaveProperty('traceparent');
});

test('runs, calls, queues, requests and lookups are measured', async () => {
  const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3_600_000 });
  const meters = new MeterProvider({ readers: [reader] });
  closeLater(() => meters.shutdown());
  closeLater(instrument({ meter: meters.getMeter('test') }));
  const page = mashup({ a: { url: url('/ok'), cache: 60_000 }, bad: url('/bad') });
  await page.run();
  await page.run();
  await meters.forceFlush();
  const found = metrics.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
  const of = (name: string) => found.find(({ descriptor }) => descriptor.name === name);
  expect(found.map(({ descriptor }) => [descriptor.name, descriptor.unit]).sort()).toEqual([
    ['http.client.request.duration', 's'],
    ['mashup.cache.lookups', ''],
    ['mashup.call.duration', 's'],
    ['mashup.call.queue.duration', 's'],
    ['mashup.run.duration', 's'],
  ]);
  expect(of('mashup.run.duration')?.dataPoints).toMatchObject([{ value: { count: 2 } }]);
  expect(
    of('mashup.cache.lookups')?.dataPoints.map(({ attributes, value }) => [attributes['mashup.cache.status'], value]),
  ).toEqual([
    ['miss', 1],
    ['hit', 1],
  ]);
  const calls = of('mashup.call.duration');
  expect(calls?.dataPointType).toBe(DataPointType.HISTOGRAM);
  expect(calls?.dataPoints.map(({ attributes }) => attributes)).toContainEqual({
    'mashup.upstream': 'bad',
    'mashup.status': 'error',
    'error.type': 'ERR_UPSTREAM_STATUS',
  });
  expect(
    of('http.client.request.duration')?.dataPoints.map(({ attributes }) => attributes['http.response.status_code']),
  ).toEqual(expect.arrayContaining([200, 503]));
});

test('a tracer that throws changes nothing', async () => {
  const broken = {
    startSpan() {
      throw new Error('tracer');
    },
  };
  closeLater(instrument({ tracer: broken as never }));
  const { data } = await mashup({ a: url('/ok') }).run();
  expect(data.a).toEqual({ a: 1 });
});

test('wrong options are a config error', () => {
  const wrong = (options: unknown) => {
    try {
      instrument(options as never);
      return '';
    } catch (error) {
      return isConfigError(error) ? error.message : 'another error';
    }
  };
  expect(wrong({ tracer: 1, meter: {}, attemptSpans: 'yes', spans: true })).toMatch(
    /options\.tracer: expected a tracer .*options\.meter: expected a meter.*options\.attemptSpans: expected true, false or 'auto'.*options\.spans: is not an option/s,
  );
  expect(wrong(null)).toContain('options: expected an object');
});
