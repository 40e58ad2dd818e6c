import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const { resolve } = createRequire(import.meta.url);
const here = fileURLToPath(new URL('.', import.meta.url));

// Test files for a Jest of their own: one that is good, and one for each thing that the setup must notice.
const samples = {
  'good.test.cjs': `
    const http = require('node:http');
    let server;
    afterAll(() => server.close());
    test('a server that the last hook closes, and a timer that keeps nothing alive', async () => {
      server = http.createServer((req, res) => res.end('hello'));
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      const response = await fetch('http://127.0.0.1:' + server.address().port);
      expect(await response.text()).toBe('hello');
      setTimeout(() => {}, 60_000).unref();
    });`,
  'server.test.cjs': `
    test('a server left open', (done) => void require('node:http').createServer().listen(0, done));`,
  'timer.test.cjs': `
    test('a timer left', () => void setTimeout(() => {}, 700));`,
  'rejection.test.cjs': `
    test('a rejection after the test has returned', () => void Promise.reject(new Error('nobody cares')));`,
  'last-hook.test.cjs': `
    afterAll(() => void Promise.reject(new Error('nobody cares')));
    test('a rejection in the last hook', () => {});`,
  'handled-late.test.cjs': `
    test('a rejection handled too late', async () => {
      const promise = Promise.reject(new Error('somebody cares, too late'));
      await new Promise((resolve) => setTimeout(resolve, 10));
      await promise.catch(() => {});
    });`,
  'listener.test.cjs': `
    test('a listener of a channel left', () => {
      require('node:diagnostics_channel').subscribe('tracing:express-mashup:run:asyncEnd', () => {});
    });`,
  'tool-missing.test.cjs': `
    process.env.PATH = '';
    delete process.env.MASHUP_REQUIRE_ALL;
    const { describeWith, hasChromium, hasRedis } = require(${JSON.stringify(join(here, 'tools.ts'))});
    test('no tool is found', () => expect([hasChromium(), hasRedis()]).toEqual([false, false]));
    describeWith('chromium', 'a browser test', () => test('never runs', () => expect(1).toBe(2)));`,
  'tool-required.test.cjs': `
    process.env.PATH = '';
    process.env.MASHUP_REQUIRE_ALL = '1';
    const { describeWith } = require(${JSON.stringify(join(here, 'tools.ts'))});
    describeWith('redis-server', 'a Redis test', () => test('never runs', () => {}));`,
  'tool-found.test.cjs': `
    const { chmodSync, writeFileSync } = require('node:fs');
    writeFileSync(__dirname + '/redis-server', '');
    chmodSync(__dirname + '/redis-server', 0o755);
    process.env.PATH = __dirname;
    const { describeWith } = require(${JSON.stringify(join(here, 'tools.ts'))});
    describeWith('redis-server', 'a Redis test', (path) => {
      test('gets the path', () => expect(path).toBe(__dirname + '/redis-server'));
    });`,
};

type Sample = keyof typeof samples;

interface Result {
  name: string;
  status: 'passed' | 'failed';
  message: string;
  assertionResults: { title: string; status: string }[];
}

let directory: string;
let run: { code: number | null; stderr: string; results: Map<string, Result> };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mashup-setup-'));
  for (const [name, source] of Object.entries(samples)) await writeFile(join(directory, name), source);
  const config = {
    rootDir: directory,
    testMatch: ['**/*.test.cjs'],
    testEnvironment: join(here, 'environment.ts'),
    globalTeardown: join(here, 'teardown.ts'),
    transform: { '\\.ts$': [resolve('@swc/jest'), { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }] },
  };
  const report = join(directory, 'report.json');
  const args = ['--runInBand', '--json', `--outputFile=${report}`, '--config', JSON.stringify(config)];
  const jest = spawn(process.execPath, [resolve('jest/bin/jest'), ...args], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [stderr, [code]] = await Promise.all([text(jest.stderr), once(jest, 'close')]);
  const { testResults } = JSON.parse(await readFile(report, 'utf8')) as { testResults: Result[] };
  run = { code, stderr, results: new Map(testResults.map((result) => [basename(result.name), result])) };
});

afterAll(() => rm(directory, { recursive: true, force: true }));

function resultOf(sample: Sample): Result {
  const result = run.results.get(sample);
  if (result === undefined) throw new Error(`Jest did not run ${sample}`);
  return result;
}

test('a file that ends cleanly passes', () => {
  expect(resultOf('good.test.cjs')).toMatchObject({ status: 'passed', message: '' });
});

test.each<[Sample, RegExp]>([
  ['server.test.cjs', /left open after every hook .*TCPSERVERWRAP[\s\S]*server\.test\.cjs:2/],
  ['timer.test.cjs', /left open after every hook .*Timeout[\s\S]*timer\.test\.cjs:2/],
])('%s fails for what it leaves open, and the message says where it was opened', (sample, message) => {
  expect(resultOf(sample)).toMatchObject({ status: 'failed', message: expect.stringMatching(message) });
});

test('a file that leaves a listener of a channel fails', () => {
  const message = 'listened to after every hook of this file: tracing:express-mashup:run:asyncEnd';
  expect(resultOf('listener.test.cjs')).toMatchObject({ status: 'failed', message: expect.stringContaining(message) });
});

test.each<[Sample, string]>([
  ['rejection.test.cjs', 'unhandled rejection: nobody cares'],
  ['last-hook.test.cjs', 'unhandled rejection: nobody cares'],
  ['handled-late.test.cjs', 'unhandled rejection: somebody cares, too late'],
])('%s fails for its unhandled rejection', (sample, message) => {
  expect(resultOf(sample)).toMatchObject({ status: 'failed', message: expect.stringContaining(message) });
});

test('a run that something keeps alive ends, and fails', () => {
  expect(run.stderr).toContain('Jest did not end by itself');
  expect(run.code).toBe(1);
});

test('tests that need a missing program are skipped loudly', () => {
  const { status, assertionResults } = resultOf('tool-missing.test.cjs');
  expect(status).not.toBe('failed');
  expect(assertionResults).toMatchObject([
    { title: 'no tool is found', status: 'passed' },
    { title: 'never runs', status: 'pending' },
  ]);
  expect(run.stderr).toContain('SKIPPED "a browser test": chromium is not installed');
});

test('they fail where MASHUP_REQUIRE_ALL is 1', () => {
  const result = resultOf('tool-required.test.cjs');
  expect(result).toMatchObject({ status: 'failed', message: expect.stringContaining('redis-server is not installed') });
});

test('they run, and get its path, where the program is found', () => {
  expect(resultOf('tool-found.test.cjs')).toMatchObject({
    status: 'passed',
    assertionResults: [{ title: 'gets the path', status: 'passed' }],
  });
});
