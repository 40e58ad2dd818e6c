import { createMashup, isConfigError, mashup, multiGet } from '../../src/index.js';
import type { Settings } from '../../src/settings-types.js';
import type { PageOptions, UpstreamMap } from '../../src/types.js';

const secret = 's3cr3t';

/** Everything that an error may show somewhere. */
function shown(error: unknown): string {
  if (!isConfigError(error)) throw error;
  return `${error.message}\n${error.stack}\n${JSON.stringify(error)}\n${JSON.stringify(error.problems)}`;
}

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('a ConfigError shows no secret', () => {
  test.each<[string, Record<string, unknown>]>([
    ['credentials in a URL', { url: `https://ann:${secret}@a.example.com/` }],
    ['credentials in a URL of another scheme', { url: `ftp://ann:${secret}@a.example.com/` }],
    ['a query value in a wrong URL', { url: `a.example.com/?key=${secret}` }],
    ['a fragment', { url: `https://a.example.com/#${secret}` }],
    ['a value of a header', { headers: { authorization: `Bearer ${secret}\n` } }],
    ['headers as text', { headers: `authorization: ${secret}` }],
    ['headers as a list', { headers: ['authorization', secret] }],
    ['auth as text', { auth: `ann:${secret}` }],
    ['auth with a typo', { auth: { user: 'ann', password: secret } }],
    ['auth with a number', { auth: { username: 5, password: secret } }],
    ['params as text', { params: `key=${secret}` }],
    ['params that cannot be written', { params: { key: secret, bad: Symbol('s') } }],
    ['data', { data: Object.assign(new ReadableStream(), { key: secret }) }],
    ['a fallback beside required', { required: true, fallback: { key: secret } }],
    ['an unknown option', { apiKey: secret }],
    ['an origin with credentials', { origins: [`https://ann:${secret}@a.example.com`] }],
    ['an origin without scheme', { origins: [`ann:${secret}@a.example.com`] }],
    ['an origin with a query', { origins: [`https://a.example.com/?key=${secret}`] }],
    ['an origin with a fragment', { origins: [`https://a.example.com/#${secret}`] }],
    ['a URL in the wrong place', { timeout: `https://ann:${secret}@a.example.com/` }],
  ])('%s', (_, entry) => {
    const error = thrownBy(() => mashup({ user: { url: 'https://a.example.com/', ...entry } } as UpstreamMap));
    expect(shown(error)).not.toContain(secret);
  });

  test('a URL where a map, options or a dispatcher should be', async () => {
    const url = `https://ann:${secret}@a.example.com/?key=${secret}`;
    const errors = [
      thrownBy(() => mashup(url as unknown as UpstreamMap)),
      thrownBy(() => mashup({ user: 'https://a.example.com/' }, url as PageOptions)),
      thrownBy(() => createMashup({ dispatcher: url as unknown as NonNullable<Settings['dispatcher']> })),
      thrownBy(() => createMashup({ dispatcher: `ann:${secret}@proxy:3128` as never })),
      await multiGet(url).catch((error: unknown) => error),
    ];
    for (const error of errors) expect(shown(error)).not.toContain(secret);
  });
});
