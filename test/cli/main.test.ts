import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { closeServers, listen, nobody } from './server.js';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const describeBuilt = existsSync(main) ? describe : describe.skip;

afterEach(closeServers);

function start(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: 'pipe' });
  return { child, ended: outcomeOf(child) };
}

async function outcomeOf(child: ChildProcess) {
  const [stdout, stderr, [code, signal]] = await Promise.all([
    child.stdout?.readable ? text(child.stdout).catch(() => '') : '',
    child.stderr ? text(child.stderr) : '',
    once(child, 'exit'),
  ]);
  return { stdout, stderr, code, signal };
}

describeBuilt('the command', () => {
  test('starts with a line that runs it under Node', () => {
    expect(readFileSync(main, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  test('fetches, reads stdin, and exits with what came of it', async () => {
    const origin = await listen((_, res) => res.end('ok'));
    const { child, ended } = start('get', '-', `${origin}/2`);
    child.stdin.end(`${origin}/1\n`);
    expect(await ended).toEqual({
      stdout: expect.stringMatching(/^200 .*\/1\n200 .*\/2\n2 URLs .*\n$/),
      stderr: '',
      code: 0,
      signal: null,
    });
    expect(await start('get', await nobody()).ended).toMatchObject({
      stdout: expect.stringMatching(/^CONNECT/),
      code: 1,
    });
    expect(await start('got').ended).toMatchObject({ stdout: '', code: 2 });
  });

  test('writes all of a long output before it exits', async () => {
    const urls = Array.from({ length: 3000 }, (_, i) => `nonsense-${i}`);
    const { child, ended } = start('get', '-', '--json');
    child.stdin.end(urls.join('\n'));
    expect(JSON.parse((await ended).stdout)).toHaveLength(3000);
  });

  test('ends quietly when nobody reads its output any more', async () => {
    const origin = await listen((_, res) => {
      child.stdout.destroy();
      child.stdout.once('close', () => res.end('ok'));
    });
    const { child, ended } = start('get', origin, '--timeout', '1m');
    expect(await ended).toMatchObject({ stderr: '', code: 0, signal: null });
  });

  (existsSync('/dev/full') ? test : test.skip)('says so when its output cannot be written', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [main, '--help'], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    expect(await outcomeOf(child)).toMatchObject({
      stderr: expect.stringMatching(/cannot write the output: ENOSPC/),
      code: 1,
    });
  });

  test('prints what there is when it is interrupted, with exit code 130', async () => {
    const quick = await listen((_req, res) => res.end('ok'));
    const slow = await listen((_req, res) => {
      res.writeHead(200).write('begun');
      setImmediate(() => child.kill('SIGINT'));
    });
    const { child, ended } = start('get', quick, slow, '--timeout', '10m', '-c', '1');
    const { stdout, stderr, code, signal } = await ended;
    expect([code, signal]).toEqual([130, null]);
    expect(stdout).toMatch(/^200 .*\nCANCELED .*\n2 URLs in .*: 1 ok, 1 failed/);
    expect(stderr).toContain('the instance was closed');
  });
});
