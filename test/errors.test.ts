import { readFile } from 'node:fs/promises';
import { errorCodes } from '../src/errors.js';
import { ConfigError, isConfigError, isUpstreamError, UpstreamError, type UpstreamErrorCode } from '../src/index.js';

const details = {
  upstream: 'user',
  url: 'https://users.example.com/7?key=…',
  upstreamStatus: 503,
  attempts: 2,
  cause: new Error('secret'),
};
const error = new UpstreamError('ERR_UPSTREAM_STATUS', "upstream 'user': it answered 503", details);

describe('an UpstreamError', () => {
  test('has what is known of the failure', () => {
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ ...details, name: 'UpstreamError', code: 'ERR_UPSTREAM_STATUS', status: 502 });
    expect(String(error)).toBe("UpstreamError: upstream 'user': it answered 503");
    expect(error.stack).toContain('errors.test');
  });

  test('says that it does not know', () => {
    const unknown = new UpstreamError('ERR_UPSTREAM_URL', 'its URL is not a URL');
    expect(unknown).toMatchObject({ upstream: '', url: null, upstreamStatus: null, attempts: 0 });
    expect(Object.hasOwn(unknown, 'cause')).toBe(false);
  });

  test('has a JSON form without its cause and its stack', () => {
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'UpstreamError',
      code: 'ERR_UPSTREAM_STATUS',
      message: "upstream 'user': it answered 503",
      upstream: 'user',
      url: 'https://users.example.com/7?key=…',
      upstreamStatus: 503,
      status: 502,
      attempts: 2,
    });
    expect(JSON.stringify({ error })).not.toContain('secret');
  });
});

describe('what the page should answer', () => {
  const others: Record<string, number> = {
    ERR_UPSTREAM_TIMEOUT: 504,
    ERR_UPSTREAM_DEADLINE: 504,
    ERR_UPSTREAM_HOOK: 500,
  };
  const busy = ['ERR_UPSTREAM_CIRCUIT_OPEN', 'ERR_UPSTREAM_OVERLOAD', 'ERR_UPSTREAM_QUOTA'];

  test.each(errorCodes)('%s', (code) => {
    const { status, statusCode } = new UpstreamError(code, '', { upstreamStatus: 500 });
    expect(status).toBe(others[code] ?? (busy.includes(code) ? 503 : 502));
    expect(statusCode).toBe(status);
  });

  test.each<[code: UpstreamErrorCode, upstreamStatus: number | null, status: number]>([
    ['ERR_UPSTREAM_STATUS', 404, 404],
    ['ERR_UPSTREAM_STATUS', 410, 410],
    ['ERR_UPSTREAM_STATUS', 401, 502],
    ['ERR_UPSTREAM_STATUS', 403, 502],
    ['ERR_UPSTREAM_STATUS', 302, 502],
    ['ERR_UPSTREAM_STATUS', 503, 502],
    ['ERR_UPSTREAM_BODY', 404, 502],
    ['ERR_UPSTREAM_TIMEOUT', 404, 504],
    ['ERR_UPSTREAM_CONNECT', null, 502],
  ])('%s with %p from upstream: %i', (code, upstreamStatus, status) => {
    expect(new UpstreamError(code, '', { upstreamStatus }).status).toBe(status);
  });
});

test.each<[code: UpstreamErrorCode, status: number]>([
  ['ERR_UPSTREAM_URL', 400],
  ['ERR_UPSTREAM_ITEMS', 400],
  ['ERR_UPSTREAM_DEADLINE', 504],
])('%s that is the client’s own doing makes the page answer %i', (code, status) => {
  expect(new UpstreamError(code, '', { byClient: true }).status).toBe(status);
});

describe('a ConfigError', () => {
  const problems = [
    { path: 'user.url', message: 'is missing' },
    { path: '', message: 'is odd' },
  ];

  test('lists its problems', () => {
    const config = new ConfigError(problems);
    expect(config).toBeInstanceOf(TypeError);
    expect(config).toMatchObject({ name: 'ConfigError', code: 'ERR_MASHUP_CONFIG', problems });
    expect(config.message).toBe('2 problems in the mashup config:\n  - user.url: is missing\n  - is odd');
  });
});

describe('the guards', () => {
  const config = new ConfigError([]);
  const nothings: [string, unknown][] = [
    ['null', null],
    ['undefined', undefined],
    ['a code', 'ERR_UPSTREAM_STATUS'],
    ['an object', { ...error }],
    ['an object without prototype', Object.create(null)],
    ['another error', new Error('x')],
  ];

  test('know their own', () => {
    expect([isUpstreamError(error), isConfigError(config)]).toEqual([true, true]);
    expect([isUpstreamError(config), isConfigError(error)]).toEqual([false, false]);
  });

  test.each(nothings)('know what is none: %s', (_, value) => {
    expect([isUpstreamError(value), isConfigError(value)]).toEqual([false, false]);
  });

  test('do not fall for data that looks like one', () => {
    const looks = Object.assign(new Error('x'), { name: 'UpstreamError', code: 'ERR_UPSTREAM_STATUS' });
    expect(isUpstreamError(looks)).toBe(false);
    expect(isUpstreamError(JSON.parse(JSON.stringify(error)))).toBe(false);
  });

  test('know the errors of another copy of the package', async () => {
    const { pathname } = new URL('../src/errors.ts', import.meta.url);
    const copy = (await import(`${pathname}?copy`)) as typeof import('../src/errors.js');
    expect(copy.UpstreamError).not.toBe(UpstreamError);
    expect(isUpstreamError(new copy.UpstreamError('ERR_UPSTREAM_URL', ''))).toBe(true);
    expect(isConfigError(new copy.ConfigError([]))).toBe(true);
    expect(copy.isUpstreamError(error)).toBe(true);
  });
});

describe('docs/errors.md', () => {
  const codes = [...errorCodes, new ConfigError([]).code];
  const sections = readFile(new URL('../docs/errors.md', import.meta.url), 'utf8').then((text) =>
    text
      .split(/^## /m)
      .slice(1)
      .map((section): [heading: string, text: string] => [section.split('\n')[0] ?? '', section]),
  );

  test('has a heading for each code, in their order, and no others', async () => {
    expect((await sections).map(([heading]) => heading)).toEqual(codes);
  });

  test('says of each which status the page answers, and what to do', async () => {
    for (const [heading, text] of await sections) {
      expect(text).toMatch(/^- Page status: .+\n- What to do: ./m);
      const code = errorCodes.find((one) => one === heading);
      if (code !== undefined) expect(text).toContain(String(new UpstreamError(code, '').status));
    }
  });
});
