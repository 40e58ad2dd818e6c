import { createMashup, isConfigError } from '../../src/index.js';
import { startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { newMashup, openPage } from '../support/site.js';

afterEach(closeAll);

describe('createMashup({ limits })', () => {
  const problem = (limits: unknown): string => {
    try {
      createMashup({ limits } as never);
      return '';
    } catch (error) {
      return isConfigError(error) ? error.problems.map(({ path, message }) => `${path}: ${message}`).join() : '';
    }
  };

  test.each([
    [{ perOrigin: 0 }, /^settings\.limits\.perOrigin: expected a whole number, 1 or more, but was given 0$/],
    [{ perOrigin: 1.5 }, /perOrigin: expected a whole number/],
    [{ perOrigin: Infinity }, /perOrigin: expected a whole number/],
    [{ perOrigin: '2' }, /perOrigin: expected a whole number/],
    [{ queue: -1 }, /^settings\.limits\.queue: expected a whole number, 0 or more, but was given -1$/],
    [{ perorigin: 1 }, /^settings\.limits\.perorigin: is not an option.*perOrigin/],
    [{ perOrigin: 0, queue: -1 }, /perOrigin.*,.*queue/],
    [null, /^settings\.limits: expected an object/],
    [8, /^settings\.limits: expected an object/],
  ])('%o is an error', (limits, message) => {
    expect(problem(limits)).toMatch(message);
  });

  test.each([undefined, {}, { perOrigin: 1 }, { queue: 0 }])('%o is none', (limits) => {
    expect(problem(limits)).toBe('');
  });

  test('is what the instance goes by', async () => {
    const backend = await startBackend();
    const mashup = newMashup({ limits: { perOrigin: 1, queue: 0 } });
    const page = { a: `${backend.origin}/a`, b: `${backend.origin}/b` };
    const visit = (await openPage(page, { mashup }))();
    (await backend.asked('/a')).reply(1);
    const { data, outcomes } = await visit;
    expect(data).toEqual({ a: 1, b: null });
    expect(outcomes['b']?.error?.code).toBe('ERR_UPSTREAM_OVERLOAD');
  });
});
