import type { UpstreamOptions } from '../../src/index.js';
import { startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { ask, openPage } from '../support/site.js';
import { made, sent, users } from './libraries.js';

afterEach(closeAll);

/** An upstream that sends this. */
const startSender = (data: unknown) =>
  startUpstream((response) => response.setHeader('content-type', 'application/json').end(JSON.stringify(data)));

async function askFor(data: unknown, entry: Partial<UpstreamOptions>) {
  const { origin } = await startSender(data);
  return await ask({ url: `${origin}/`, ...entry });
}

describe.each(users)('a schema of %s', (_library, schema) => {
  test('replaces the data by its output: coerced, transformed, completed', async () => {
    const { data, outcome } = await askFor(sent, { schema });
    expect(data).toEqual(made);
    expect(outcome).toMatchObject({ status: 'success', data: made });
  });

  test('is for one item of a fan-out', async () => {
    const { origin } = await startUpstream((response, { url }) =>
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify(url === '/2' ? { ...sent, email: 'nobody' } : { ...sent, id: url.slice(1) })),
    );
    const visit = await openPage({ it: { url: `${origin}/{item}`, each: () => [1, 2, 3], schema } });
    const { locals, outcomes } = await visit();
    expect(locals['it']).toEqual([{ ...made, id: 1 }, null, { ...made, id: 3 }]);
    expect(outcomes['it']).toMatchObject({
      status: 'partial',
      error: { code: 'ERR_UPSTREAM_SCHEMA' },
      items: [{ status: 'success' }, { status: 'error' }, { status: 'success' }],
    });
  });

  test('gets what transformResponse has made, async or not', async () => {
    const unwrap = (text: string) => JSON.parse(text).user;
    for (const transformResponse of [unwrap, async (text: string) => unwrap(text)]) {
      expect((await askFor({ user: sent }, { schema, transformResponse })).data).toEqual(made);
    }
  });

  test('is not asked where transformResponse fails', async () => {
    const transformResponse = async () => {
      throw new Error('a bug');
    };
    const { outcome } = await askFor(sent, { schema, transformResponse });
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_BODY', cause: new Error('a bug') });
  });

  test('that is not met is the fallback', async () => {
    const { data, outcome } = await askFor({}, { schema, fallback: { id: 0 } });
    expect(data).toEqual({ id: 0 });
    expect(outcome).toMatchObject({ status: 'fallback', error: { code: 'ERR_UPSTREAM_SCHEMA' } });
  });

  test('does not check a fallback', async () => {
    expect((await askFor({}, { schema, fallback: 'anything' })).data).toBe('anything');
  });

  test('is given null where there is no body', async () => {
    const { origin } = await startUpstream((response) => response.writeHead(204).end());
    expect((await ask({ url: `${origin}/`, schema })).outcome.error?.code).toBe('ERR_UPSTREAM_SCHEMA');
  });
});
