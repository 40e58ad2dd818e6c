import {
  compareLine,
  errorLines,
  jsonDocument,
  type Row,
  rowLines,
  toRow,
  totalLine,
  type View,
} from '../../src/cli/report.js';
import { UpstreamError, type UpstreamErrorCode } from '../../src/errors.js';
import type { Outcome, Timings } from '../../src/outcome.js';

const plain: View = { columns: 80, colour: false, shorten: false };

function timings(ready: number, started: number | null, ended: number): Timings {
  return { ready, started, firstByte: started === null ? null : ended, ended };
}

function outcome(parts: Partial<Outcome> = {}): Outcome {
  return {
    name: '0',
    status: 'success',
    data: null,
    error: null,
    source: 'network',
    cache: null,
    response: { status: 200, headers: {}, url: 'http://a/' },
    attempts: 1,
    timings: timings(0, 0, 100),
    ...parts,
  };
}

function failure(code: UpstreamErrorCode, message = 'it failed', parts: Partial<Outcome> = {}): Outcome {
  return outcome({ status: 'error', error: new UpstreamError(code, message), source: null, response: null, ...parts });
}

describe('a row', () => {
  test('of a success', () => {
    expect(toRow('http://a/?q=1', 1234, outcome({ timings: timings(0, 10.04, 110.26) }))).toEqual({
      url: 'http://a/?q=1',
      status: 200,
      bytes: 1234,
      ms: 100.2,
      error: null,
      source: 'network',
      attempts: 1,
      timings: { ready: 0, started: 10, firstByte: 110.3, ended: 110.3 },
    });
  });

  test('of a success without a body has 0 bytes', () => {
    expect(toRow('http://a/', null, outcome()).bytes).toBe(0);
  });

  test('of a failure has no bytes, and its error', () => {
    const row = toRow('nonsense', null, failure('ERR_UPSTREAM_URL', 'not a URL', { timings: timings(0, null, 0) }));
    expect(row).toMatchObject({
      status: null,
      bytes: null,
      ms: 0,
      error: { code: 'ERR_UPSTREAM_URL', message: 'not a URL' },
    });
  });

  test.each([
    ['http://joe:secret@a/', 'http://***@a/'],
    ['http://joe:sec@ret@a/x', 'http://***@a/x'],
    ['HTTP:\\\\joe:secret@a', 'HTTP:\\\\***@a'],
    ['http:joe:secret@a/', 'http:***@a/'],
    ['http:/\n/joe:secret@a/', 'http:/\n/***@a/'],
    ['http://a/joe@b', 'http://a/joe@b'],
    ['http://a?joe@b', 'http://a?joe@b'],
  ])('never shows credentials: %j', (url, shown) => {
    expect(toRow(url, null, outcome()).url).toBe(shown);
  });
});

describe('the lines', () => {
  const rows: Row[] = [
    toRow('http://a/', 2048, outcome({ timings: timings(0, 0, 50) })),
    toRow('http://b/long', 5, outcome({ timings: timings(0, 25, 100) })),
    toRow('http://c/', null, failure('ERR_UPSTREAM_DEADLINE', 'late', { timings: timings(0, 0, 100) })),
    toRow('http://d/', null, failure('ERR_UPSTREAM_DEADLINE', 'late', { timings: timings(50, null, 100) })),
    toRow(
      'http://e/',
      null,
      failure('ERR_UPSTREAM_STATUS', 'it answered 404', { response: { status: 404, headers: {}, url: 'http://e/' } }),
    ),
  ];

  test('have their columns under one another, and bars over the whole width', () => {
    expect(rowLines(rows, { ...plain, columns: 61 })).toEqual([
      '200       2048 B   50 ms  ██████████            http://a/',
      '200          5 B   75 ms  ·····███████████████  http://b/long',
      'DEADLINE       -  100 ms  ████████████████████  http://c/',
      'DEADLINE       -   50 ms            ··········  http://d/',
      '404            -  100 ms  ████████████████████  http://e/',
    ]);
  });

  test('give the bar what the URLs leave, and two fifths where that is little', () => {
    const widths = [41, 61, 81, 200].map(
      (columns) => rowLines(rows, { ...plain, columns })[2]?.match(/█+/)?.[0].length,
    );
    expect(widths).toEqual([undefined, 20, 40, 60]);
    const long = toRow(`http://a/${'x'.repeat(200)}`, 1, outcome());
    expect(rowLines([long], plain)[0]).toBe(`200  1 B  100 ms  ${'█'.repeat(24)}  ${long.url}`);
  });

  test.each([1, 20, 40, 60, 80, 120, 300])(
    'are no wider than a terminal of %i columns, where that is possible',
    (columns) => {
      const long = toRow(`http://start/${'x'.repeat(500)}/end`, 1, outcome());
      const width = Math.max(
        ...rowLines([...rows, long], { ...plain, columns, shorten: true }).map((line) => line.length),
      );
      expect(width).toBeLessThanOrEqual(Math.max(columns, 40));
      expect(rowLines([long], { ...plain, columns, shorten: true })[0]).toMatch(/htt.*….*end$/);
    },
  );

  test('a very short request still has a cell of its own', () => {
    const short = toRow('http://z/', 1, outcome({ timings: timings(0, 99.99, 100) }));
    const lines = rowLines([short, ...rows], { ...plain, columns: 61 });
    expect(lines[0]).toContain(`  ${'·'.repeat(19)}█  `);
    const first = toRow('http://z/', 1, outcome({ timings: timings(0, 0, 0.01) }));
    expect(rowLines([first, ...rows], { ...plain, columns: 61 })[0]).toContain(`  █${' '.repeat(19)}  `);
  });

  test('a run that took no time at all has bars too', () => {
    expect(rowLines([toRow('http://a/', 0, outcome({ timings: timings(0, 0, 0) }))], plain)[0]).toMatch(/█ +http/);
  });

  test('colours frame the text and change nothing else', () => {
    const coloured = rowLines(rows, { ...plain, colour: true });
    expect(coloured[0]).toContain('\x1b[32m200     \x1b[39m');
    expect(coloured[2]).toContain('\x1b[31mDEADLINE\x1b[39m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours are what is removed
    expect(coloured.map((line) => line.replace(/\x1b\[\d+m/g, ''))).toEqual(rowLines(rows, plain));
  });

  test('end with the totals', () => {
    expect(totalLine(rows, 100.4)).toBe('5 URLs in 100 ms: 2 ok, 3 failed, 2053 B');
    expect(totalLine(rows.slice(0, 1), 50)).toBe('1 URL in 50 ms: 1 ok, 0 failed, 2048 B');
  });

  test('compare, and say where failures make the comparison lame', () => {
    expect(compareLine({ ms: 152, failed: 0 }, { ms: 480, failed: 0 })).toBe(
      'in parallel 152 ms, one after the other 480 ms: 3.2 times as fast',
    );
    expect(compareLine({ ms: 100, failed: 2 }, { ms: 50, failed: 0 })).toBe(
      'in parallel 100 ms (2 failed), one after the other 50 ms: 0.5 times as fast',
    );
  });

  test('explain the failures that the status does not', () => {
    const refused = toRow('http://f/', null, failure('ERR_UPSTREAM_CONNECT', '\x1b[2Jrefused\nat once'));
    expect(errorLines([...rows, refused])).toEqual(['\\x1b[2Jrefused\\x0aat once']);
  });
});

describe('what an upstream or a URL could do to the terminal', () => {
  const nasty = 'http://a/\x1b]0;title\x07\x9b31m\r\n\u202egnp.exe\u2028\u{e0001}\x7f';

  test('is spelled out', () => {
    expect(rowLines([toRow(nasty, 1, outcome())], plain)).toEqual([expect.stringMatching(/^[\x20-\x7e█]+$/)]);
  });

  test('is escaped in JSON, which still means the same', () => {
    const rows = [toRow(nasty, 1, outcome()), toRow('http://b/', null, failure('ERR_UPSTREAM_CONNECT', nasty))];
    const document = jsonDocument(rows);
    expect(document).toMatch(/^[\x20-\x7e\n]+$/);
    expect(JSON.parse(document)).toEqual(JSON.parse(JSON.stringify(rows)));
  });
});
