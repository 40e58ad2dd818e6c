import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { run } from '../../src/cli/get.js';
import type { Row } from '../../src/cli/report.js';
import { closeServers, listen, nobody } from './server.js';

afterEach(closeServers);

interface Setting {
  stdin?: Iterable<string>;
  stdoutColumns?: number;
  stderrIsTty?: boolean;
  env?: Record<string, string>;
}

async function cli(args: string[], { stdin = [], stdoutColumns, stderrIsTty = false, env = {} }: Setting = {}) {
  const written = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const code = await run(args, {
    stdin: (async function* () {
      yield* stdin;
    })(),
    stdout:
      stdoutColumns === undefined ? output('stdout') : { ...output('stdout'), isTTY: true, columns: stdoutColumns },
    stderr: { ...output('stderr'), isTTY: stderrIsTty },
    env,
  });
  return { code, ...written, lines: written.stdout.split('\n').slice(0, -1) };
}

/** Answers nobody until `count` requests wait; from then on everybody at once. Counts how many it has at a time. */
function barrier(count: number) {
  let waiting: ServerResponse[] | null = [];
  const state = { open: 0, most: 0, total: 0 };
  function answer(response: ServerResponse) {
    state.open--;
    response.end('ok');
  }
  return {
    state,
    listener: (_: unknown, response: ServerResponse) => {
      state.total++;
      state.most = Math.max(state.most, ++state.open);
      if (waiting === null) return answer(response);
      waiting.push(response);
      if (waiting.length < count) return;
      const all = waiting;
      waiting = null;
      all.forEach(answer);
    },
  };
}

describe('get', () => {
  test('fetches in parallel and prints in the order asked', async () => {
    let answerFirst = () => {};
    const origin = await listen((req, res) => {
      if (req.url === '/first') answerFirst = () => res.end('1234');
      else res.end('12', () => answerFirst());
    });
    // The first is answered after the second, which is asked only if both are asked at once.
    const { code, lines, stderr } = await cli(['get', `${origin}/first`, `${origin}/second`, '--timeout', '1m']);
    expect(lines).toEqual([
      expect.stringMatching(/^200 {2}4 B +\d+ ms {2}[·█ ]+ {2}http:.*\/first$/),
      expect.stringMatching(/^200 {2}2 B +\d+ ms {2}[·█ ]+ {2}http:.*\/second$/),
      expect.stringMatching(/^2 URLs in \d+ ms: 2 ok, 0 failed, 6 B$/),
    ]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  test('counts the bytes of the decoded body, whatever its type; none for no body', async () => {
    const origin = await listen((req, res) => {
      if (req.url === '/none') return res.writeHead(204).end();
      return res
        .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
        .end(gzipSync('{ not JSON'));
    });
    const { code, lines } = await cli(['get', `${origin}/gzip`, `${origin}/none`]);
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^200 +10 B /);
    expect(lines[1]).toMatch(/^204 +0 B /);
  });

  test('tells failures by status or code, explains them on stderr, and exits with 1', async () => {
    const origin = await listen((req, res) => {
      if (req.url === '/missing') res.writeHead(404).end('no such thing');
      else res.end('fine');
    });
    const down = await nobody();
    const urls = [`${origin}/fine`, `${origin}/missing`, down, 'nonsense', 'http://joe:secret@a/'];
    const { code, lines, stderr } = await cli(['get', ...urls, '--timeout', '1m']);
    expect(code).toBe(1);
    expect(lines.map((line) => line.split(' ', 1)[0])).toEqual(['200', '404', 'CONNECT', 'URL', 'URL', '5']);
    expect(lines.at(-1)).toMatch(/: 1 ok, 4 failed, 4 B$/);
    expect(stderr.split('\n')).toEqual([
      expect.stringContaining(down),
      expect.stringContaining('nonsense'),
      expect.stringContaining('credentials'),
      '',
    ]);
    expect(lines.join('\n') + stderr).not.toContain('secret');
  });

  test('does not wait longer than the timeout', async () => {
    const origin = await listen(() => {});
    const { code, lines, stderr } = await cli(['get', `${origin}/1`, `${origin}/2`, '-t', '50ms', '-c', '1']);
    expect(lines).toEqual([
      expect.stringMatching(/^DEADLINE {2}- +\d+ ms {2}[·█ ]+http/),
      expect.stringMatching(/^DEADLINE {2}- +\d+ ms {2} *·+ +http/),
      expect.stringMatching(/^2 URLs .* 0 ok, 2 failed, 0 B$/),
    ]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  });

  test('keeps to the concurrency', async () => {
    const { listener, state } = barrier(2);
    const origin = await listen(listener);
    const urls = Array.from({ length: 7 }, (_, i) => `${origin}/${i}`);
    expect((await cli(['get', ...urls, '--concurrency', '2'])).code).toBe(0);
    expect(state).toEqual({ open: 0, most: 2, total: 7 });
  });

  test('sends the headers to every URL', async () => {
    const seen: unknown[] = [];
    const listener = await listen((req, res) => {
      seen.push([req.headers['x-token'], req.headers['accept']]);
      res.end();
    });
    await cli(['get', `${listener}/1`, `${listener}/2`, '-H', 'X-Token: abc', '-H', 'accept: text/csv']);
    expect(seen).toEqual([
      ['abc', 'text/csv'],
      ['abc', 'text/csv'],
    ]);
  });

  test('reads URLs from stdin where - stands', async () => {
    const origin = await listen((_, res) => res.end());
    const stdin = ['\uFEFF# our services\r\n', `${origin}/2\r\n\r\n  ${origin}`, '/3  \n   # the end'];
    const { code, lines } = await cli(['get', `${origin}/1`, '-', `${origin}/4`], { stdin });
    expect(code).toBe(0);
    expect(lines.slice(0, -1).map((line) => line.at(-1))).toEqual(['1', '2', '3', '4']);
  });

  test('a URL given twice has two lines', async () => {
    const origin = await listen((_, res) => res.end('ok'));
    expect((await cli(['get', origin, origin])).lines).toEqual([
      expect.stringMatching(/^200 +2 B .*http/),
      expect.stringMatching(/^200 +2 B .*http/),
      expect.stringMatching(/^2 URLs .* 2 ok, 0 failed, 4 B$/),
    ]);
  });
});

describe('--json', () => {
  test('prints one document and nothing else', async () => {
    const origin = await listen((req, res) => {
      if (req.url === '/missing') res.writeHead(404).end();
      else res.end('fine');
    });
    const { code, stdout, stderr } = await cli([
      'get',
      `${origin}/fine?q=1`,
      `${origin}/missing`,
      'nonsense',
      '--json',
    ]);
    const rows: Row[] = JSON.parse(stdout);
    const times = { ready: expect.any(Number), ended: expect.any(Number) };
    expect(rows).toEqual([
      {
        url: `${origin}/fine?q=1`,
        status: 200,
        bytes: 4,
        ms: expect.any(Number),
        error: null,
        source: 'network',
        attempts: 1,
        timings: { ...times, started: expect.any(Number), firstByte: expect.any(Number) },
      },
      expect.objectContaining({
        status: 404,
        bytes: null,
        error: { code: 'ERR_UPSTREAM_STATUS', message: expect.stringContaining('404') },
      }),
      expect.objectContaining({
        url: 'nonsense',
        status: null,
        bytes: null,
        error: { code: 'ERR_UPSTREAM_URL', message: expect.any(String) },
        attempts: 0,
        timings: { ...times, started: null, firstByte: null },
      }),
    ]);
    expect(stderr).toBe('');
    expect(code).toBe(1);
  });
});

describe('--compare', () => {
  const sentence = /^in parallel \d+ ms, one after the other \d+ ms: \d+\.\d times as fast$/;

  test('fetches all at once, then one after the other, and prints both totals', async () => {
    const { listener, state } = barrier(4);
    const origin = await listen((req, res) => {
      if (state.total === 4) state.most = 0;
      listener(req, res);
    });
    const { code, lines } = await cli(['get', ...['/1', '/2', '/3', '/4'].map((path) => origin + path), '--compare']);
    expect(lines).toHaveLength(6);
    expect(lines[5]).toMatch(sentence);
    // Four at once, or the barrier would not have opened; then never two.
    expect(state).toEqual({ open: 0, most: 1, total: 8 });
    expect(code).toBe(0);
  });

  test('gives each its whole timeout when they are fetched one after the other', async () => {
    const { lines, code } = await cli(['get', ...Array(3).fill(await listen(() => {})), '--compare', '--timeout=30']);
    expect(lines.at(-1)).toMatch(/^in parallel \d+ ms \(3 failed\), one after the other \d+ ms \(3 failed\): /);
    expect(code).toBe(1);
  });

  test('goes to stderr with --json', async () => {
    const origin = await listen((_, res) => res.end());
    const { stdout, stderr } = await cli(['get', origin, '--json', '--compare']);
    expect(JSON.parse(stdout)).toHaveLength(1);
    expect(stderr.trimEnd()).toMatch(sentence);
  });
});

describe('on a terminal', () => {
  test('there are colours and lines that fit; elsewhere, or with NO_COLOR, no colours', async () => {
    const origin = await listen((_, res) => res.end('ok'));
    const url = `${origin}/${'long/'.repeat(30)}end`;
    const coloured = await cli(['get', url], { stdoutColumns: 70 });
    expect(coloured.stdout).toContain('\x1b[32m200\x1b[39m');
    expect(coloured.stdout).toMatch(/….*end\n/);
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const { lines } = await cli(['get', url], { stdoutColumns: 70, env });
      expect(lines[0]).toMatch(/^200 .*….*end$/);
      expect(lines[0]).toHaveLength(70);
    }
    expect((await cli(['get', url])).lines[0]).toMatch(new RegExp(`^200 .*${url}$`));
  });

  test('many URLs have a progress bar, which counts every one of them and is gone in the end', async () => {
    const origin = await listen((req, res) => {
      if (req.url === '/500') res.writeHead(500).end();
      else if (req.url !== '/silent') res.end('ok');
    });
    const urls = [
      ...Array.from({ length: 18 }, (_, i) => `${origin}/${i}`),
      `${origin}/500`,
      `${origin}/silent`,
      await nobody(),
    ];
    const args = ['get', ...urls, '--timeout', '300ms', '--json'];
    const { stderr, stdout } = await cli(args, { stderrIsTty: true });
    const drawn = stderr.split('\r\x1b[K').slice(1);
    expect(drawn[0]).toBe(`in parallel ${'░'.repeat(30)} 0/21`);
    expect(drawn.slice(0, 22).map((text) => text.split(' ').at(-1))).toEqual(
      Array.from({ length: 22 }, (_, i) => `${i}/21`),
    );
    expect(drawn[22]).toMatch(/^$|^http/);
    expect(JSON.parse(stdout)).toHaveLength(21);
  });

  test.each([
    ['few URLs', 20, { stderrIsTty: true }],
    ['a pipe', 21, {}],
    ['a terminal that cannot erase', 21, { stderrIsTty: true, env: { TERM: 'dumb' } }],
  ])('%s have none', async (_, count, setting) => {
    const origin = await listen((_, res) => res.end());
    const urls = Array.from({ length: count }, (_, i) => `${origin}/${i}`);
    expect((await cli(['get', ...urls], setting)).stderr).toBe('');
  });
});

describe('usage', () => {
  test('a mistake is told on stderr, with a hint, and exits with 2', async () => {
    expect(await cli(['get', 'http://a/', '--jsn'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'express-mashup: unknown option --jsn: did you mean --json?\nSee express-mashup --help.\n',
      lines: [],
    });
  });

  test('what is told of a mistake cannot act on the terminal', async () => {
    const { stderr } = await cli(['\x1b[2Jget']);
    expect(stderr).toMatch(/^express-mashup: unknown command \\x1b\[2Jget.*\n/);
  });

  test('what the library refuses is a mistake too, and leaves no bar behind', async () => {
    const args = ['get', ...Array(21).fill('http://127.0.0.1:1/'), '-H', 'connection: close'];
    const { code, stdout, stderr } = await cli(args, { stderrIsTty: true });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.split('\r\x1b[K').at(-1)).toMatch(/^express-mashup: headers\.connection .*cannot be set\nSee .*\n$/);
  });

  test('stdin without a URL is a mistake', async () => {
    const { code, stderr } = await cli(['get', '-'], { stdin: ['# nothing\n', '\n'] });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^express-mashup: there is no URL on stdin\n/);
  });

  test('so is a stdin that cannot be read', async () => {
    const stdin = {
      [Symbol.iterator]: () => {
        throw new Error('EISDIR: illegal operation on a directory, read');
      },
    };
    const { code, stderr } = await cli(['get', '-'], { stdin });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^express-mashup: cannot read stdin: EISDIR: .*\n/);
  });

  test('--help names every option, on stdout', async () => {
    const { code, stdout, stderr } = await cli(['--help']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const option of ['timeout', 'concurrency', 'header', 'compare', 'json', 'help', 'version']) {
      expect(stdout).toContain(`--${option} `);
    }
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('--version is that of package.json', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await cli(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});
