import request, { type Response } from 'supertest';
import { createMashup, type PageOptions, type UpstreamMap } from '../../src/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { expresses, type Site, startSite } from '../support/site.js';

const huge = '9'.repeat(400);

describe.each(expresses)('%s: deadlineFrom', (_, express) => {
  let backend: Backend;
  let site: Site;

  beforeEach(async () => {
    backend = await startBackend();
    site = await startSite(express);
  });
  afterEach(closeAll);

  const url = (path: string) => `${backend.origin}${path}`;

  /** Asks for a page with these headers; resolves when its clock is running. */
  async function ask(
    headers: Record<string, string>,
    options: PageOptions = { deadline: 1000, deadlineFrom: 'X-Deadline' },
    upstreams: UpstreamMap = { a: url('/a') },
  ): Promise<{ visit: Promise<Response> }> {
    site.app.get('/', site.mashup(upstreams, options), (_req, res) => void res.json(res.locals));
    const visit = request(site.origin)
      .get('/')
      .set(headers)
      .then((response) => response);
    while (site.clock.pending === 0) await settled();
    return { visit };
  }

  test.each([
    ['a shorter one', '300', 300],
    ['in capitals or not', '300', 300],
    ['with a fraction', '299.5', 299.5],
    ['with zeros before it', '0300', 300],
    ['one millisecond', '1', 1],
  ])('wins where it is shorter: %s', async (_what, value, ends) => {
    const { visit } = await ask({ 'x-DEADLINE': value });
    site.clock.advance(ends - 0.25);
    expect(site.clock.pending).toBe(1);
    site.clock.advance(0.25);
    const { a } = (await visit).body.mashup;
    expect(a).toMatchObject({
      error: {
        code: 'ERR_UPSTREAM_DEADLINE',
        status: 504,
        message: expect.stringContaining(`deadline of ${Math.round(ends)} ms`),
      },
      timings: { ended: ends },
    });
  });

  test.each([
    ['none', {}],
    ['a longer one', { 'x-deadline': '5000' }],
    ['a huge one', { 'x-deadline': huge }],
    ['an equal one', { 'x-deadline': '1000' }],
    ['a negative one', { 'x-deadline': '-5' }],
    ['text', { 'x-deadline': 'soon' }],
    ['a number and more', { 'x-deadline': '5ms' }],
    ['two numbers', { 'x-deadline': '5, 10' }],
    ['a number in another notation', { 'x-deadline': '1e1' }],
    ['a hexadecimal one', { 'x-deadline': '0x10' }],
    ['nothing', { 'x-deadline': '' }],
    ['NaN', { 'x-deadline': 'NaN' }],
    ['Infinity', { 'x-deadline': 'Infinity' }],
    ['a plus', { 'x-deadline': '+5' }],
    ['a point and no digit', { 'x-deadline': '.' }],
    ['another header', { 'x-timeout': '5' }],
  ])('changes nothing where it is no shorter number: %s', async (_what, headers) => {
    const { visit } = await ask(headers);
    site.clock.advance(999);
    expect(site.clock.pending).toBe(1);
    site.clock.advance(1);
    expect((await visit).body.mashup.a).toMatchObject({
      error: { message: expect.stringContaining('deadline of 1000 ms') },
      timings: { ended: 1000 },
    });
  });

  test.each(['0', '0.0', '00', '0.2'])('%s ends the run as soon as it can', async (value) => {
    const { visit } = await ask({ 'x-deadline': value });
    site.clock.advance(1);
    expect((await visit).body.mashup.a).toMatchObject({ status: 'error', error: { code: 'ERR_UPSTREAM_DEADLINE' } });
  });

  test('is not read where the page does not name it', async () => {
    const { visit } = await ask({ 'x-deadline': '10' }, { deadline: 1000 });
    site.clock.advance(999);
    (await backend.asked('/a')).reply(1);
    expect((await visit).body.a).toBe(1);
  });

  test('makes the page a 504 where what is late is required', async () => {
    const upstreams = { a: { url: url('/a'), required: true } };
    const { visit } = await ask({ 'x-deadline': '50' }, { deadline: 1000, deadlineFrom: 'x-deadline' }, upstreams);
    site.clock.advance(50);
    expect((await visit).status).toBe(504);
  });

  test('travels on in deadlineHeader', async () => {
    const upstreams = { a: { url: url('/a'), deadlineHeader: 'x-deadline' } };
    const { visit } = await ask({ 'x-deadline': '250' }, { deadline: 1000, deadlineFrom: 'x-deadline' }, upstreams);
    const a = await backend.asked('/a');
    expect(a.headers['x-deadline']).toBe('250');
    a.reply(1);
    expect((await visit).body.a).toBe(1);
  });

  test('bounds retries and hedges', async () => {
    const upstreams = { a: { url: url('/a'), hedge: 100, retry: true } };
    const { visit } = await ask({ 'x-deadline': '100' }, { deadline: 1000, deadlineFrom: 'x-deadline' }, upstreams);
    await backend.asked('/a');
    site.clock.advance(100);
    expect((await visit).body.mashup.a).toMatchObject({ error: { code: 'ERR_UPSTREAM_DEADLINE' }, attempts: 1 });
    expect(site.clock.pending).toBe(0);
  });
});

const misnamed = (deadlineFrom: unknown) => () => createMashup()({ a: 'http://localhost/' }, { deadlineFrom } as never);

test('deadlineFrom: null is a config error', () => {
  expect(misnamed(null)).toThrow(/options\.deadlineFrom: expected a string/);
});

// readOptions lowers its case before it knows that it is a string: a TypeError, which says nothing of the option.
test.each([5, true, ['x'], {}])('deadlineFrom: %j is a config error', (deadlineFrom) => {
  expect(misnamed(deadlineFrom)).toThrow(/options\.deadlineFrom: expected a string/);
});
