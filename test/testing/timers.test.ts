import { jest } from '@jest/globals';
import { createMashup } from '../../src/index.js';
import { mockUpstreams } from '../../src/testing/index.js';

afterEach(() => {
  jest.useRealTimers();
});

const page = () => {
  const mashup = createMashup();
  const upstreams = mockUpstreams(mashup, {
    slow: { delay: 60_000, body: 1 },
    stalled: { stall: 'body', body: [1] },
    again: [{ status: 503 }, { drip: 1000, body: 'done' }],
  });
  const at = (name: string) => `https://${name}.example.test/`;
  const entries = {
    slow: { url: at('slow'), timeout: 20_000 },
    stalled: at('stalled'),
    again: { url: at('again'), retry: { attempts: 2, backoff: 4000 } },
  };
  return { upstreams, run: () => mashup(entries, { deadline: 30_000 }).run() };
};

const codes = ({ outcomes }: { outcomes: object }) =>
  Object.values(outcomes).map(({ status, error }) => error?.code ?? status);

const expected = ['ERR_UPSTREAM_TIMEOUT', 'ERR_UPSTREAM_DEADLINE', 'success'];

test('fake timers of Jest move timeouts, deadline, back-off and the mocks alike', async () => {
  jest.useFakeTimers();
  const { upstreams, run } = page();
  const running = run();
  await jest.advanceTimersByTimeAsync(30_001);
  expect(codes(await running)).toEqual(expected);
  expect(jest.getTimerCount()).toBe(0);
  upstreams.done();
});
