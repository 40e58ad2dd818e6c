import { getEventListeners } from 'node:events';
import type { Request } from 'express';
import { isConfigError, isUpstreamError } from '../../src/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

describe('page.run', () => {
  test('resolves to data and outcomes by name, without any request of Express', async () => {
    backend.answer('/a', 1);
    backend.answer('/b', 'no', { status: 500 });
    const page = site.mashup({ a: url('/a'), b: { url: url('/b'), fallback: 'instead' } });
    const { data, outcomes } = await page.run();
    expect(data).toEqual({ a: 1, b: 'instead' });
    expect(outcomes).toMatchObject({ a: { status: 'success' }, b: { status: 'fallback', data: 'instead' } });
  });

  test('reads params, query, locals and headers of its input, whatever the case of a header', async () => {
    backend.answer('/users/7/nb?city=Oslo', 'Ada');
    const page = site.mashup({
      user: { url: url('/users/{params.id}/{locals.lang}{?query.city}'), forward: ['X-Key'] },
    });
    const input = { params: { id: '7' }, query: { city: 'Oslo' }, locals: { lang: 'nb' }, headers: { 'X-KEY': 'k' } };
    expect((await page.run(input)).data).toEqual({ user: 'Ada' });
  });

  test('reads what is not given from the request, and what is given wins over it', async () => {
    backend.answer('/1/2', 'well');
    const seen: unknown[] = [];
    const page = site.mashup({
      a: {
        url: url('/{params.a}/{query.b}'),
        when: ({ req }) => seen.push(req),
      },
    });
    const req = { params: { a: '9' }, query: { b: '2' }, headers: {} } as unknown as Request;
    expect((await page.run({ req, params: { a: '1' } })).data).toEqual({ a: 'well' });
    expect(seen).toEqual([req]);
  });

  test('has outcomes for what was late at the deadline', async () => {
    const run = site.mashup({ a: url('/a') }, { deadline: 100 }).run();
    await backend.asked('/a');
    site.clock.advance(100);
    expect((await run).outcomes).toMatchObject({ a: { status: 'error', error: { code: 'ERR_UPSTREAM_DEADLINE' } } });
  });

  test('rejects with the error of a required upstream', async () => {
    backend.answer('/a', 'no', { status: 404 });
    const error = await site
      .mashup({ a: { url: url('/a'), required: true } })
      .run()
      .catch((cause: unknown) => cause);
    expect(isUpstreamError(error) && error.status).toBe(404);
  });

  test('rejects with the reason of its signal, and leaves nothing under way', async () => {
    const controller = new AbortController();
    const run = site.mashup({ a: url('/a') }).run({ signal: controller.signal });
    const asked = await backend.asked('/a');
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(run).rejects.toBe(reason);
    await asked.closed;
    expect(site.clock.pending).toBe(0);
  });

  test('sends nothing when its signal is aborted already', async () => {
    const reason = new Error('never');
    await expect(site.mashup({ a: url('/a') }).run({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await settled();
    expect(backend.seen).toEqual([]);
    expect(site.clock.pending).toBe(0);
  });

  test('does not listen to its signal any more when it has ended', async () => {
    backend.answer('/a', 1);
    const { signal } = new AbortController();
    await site.mashup({ a: url('/a') }).run({ signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test.each([
    [null, 'input: expected an object, but was given null'],
    [{ param: {} }, "input.param: is not an option: did you mean 'params'?"],
    [{ signal: {} }, 'input.signal: expected an AbortSignal, but was given an object'],
    [{ params: 'a' }, 'input.params: expected an object, but was given a string'],
  ])('rejects the input %p', async (input, message) => {
    const error = await site
      .mashup({ a: url('/a') })
      .run(input as never)
      .catch((cause: unknown) => cause);
    expect(isConfigError(error)).toBe(true);
    expect((error as Error).message).toContain(message);
  });
});
