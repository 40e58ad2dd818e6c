import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from '@swc/core';
import { isSoak } from '../support/soak.js';
import type { SoakReport } from './soak.js';

const runs = isSoak ? 20_000 : 500;
const root = fileURLToPath(new URL('../../', import.meta.url));
const MiB = 1024 * 1024;

test(`nothing is left after ${runs} runs of mixed faults`, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mashup-soak-'));
  try {
    await compileTo(directory);
    const { code, stdout, stderr } = await run(join(directory, 'test/faults/soak.js'));
    expect(stderr).toBe('');
    const report = JSON.parse(stdout) as SoakReport;
    if (isSoak) console.log(stdout);

    expect(Object.values(report.outcomes).reduce((sum, count) => sum + count, report.left)).toBe(runs);
    expect(Object.keys(report.outcomes)).toEqual(
      expect.arrayContaining(['success', 'ERR_UPSTREAM_NETWORK', 'ERR_UPSTREAM_DEADLINE', 'ERR_UPSTREAM_CONNECT']),
    );
    expect(report.wrong).toBe(0);
    expect(report.listenersLeft).toBe(0);
    expect(report.upstreamSocketsLeft).toBe(0);
    // The first half has filled every cache and pool; whatever the second adds is a leak.
    expect(report.heap[1] - report.heap[0]).toBeLessThan(2 * MiB);
    expect(report.buffers[1] - report.buffers[0]).toBeLessThan(2 * MiB);
    const [before, after] = report.resources;
    for (const kind of new Set([...Object.keys(before), ...Object.keys(after)])) {
      expect({ kind, count: after[kind] ?? 0 }).toEqual({ kind, count: before[kind] ?? 0 });
    }
    // It ended by itself: run() would have killed it, and then there is no code.
    expect(code).toBe(0);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 900_000);

/** What the process needs, as JavaScript: it runs without Jest. */
async function compileTo(directory: string): Promise<void> {
  await writeFile(join(directory, 'package.json'), '{ "type": "module" }');
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'), 'junction');
  const sources = await readdir(join(root, 'src'), { recursive: true });
  const files = [
    ...sources.filter((file) => file.endsWith('.ts')).map((file) => join('src', file)),
    ...['soak.ts', 'raw-upstream.ts', 'upstreams.ts'].map((file) => join('test/faults', file)),
  ];
  for (const file of files) {
    const source = await readFile(join(root, file), 'utf8');
    const { code } = await transform(source, {
      jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
      module: { type: 'es6' },
    });
    const target = join(directory, file.replace(/\.ts$/, '.js'));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, code);
  }
}

function run(script: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const timeout = 60_000 + runs * 40;
    const child = execFile(
      process.execPath,
      ['--expose-gc', script, String(runs)],
      { timeout },
      (_error, stdout, stderr) => {
        resolve({ code: child.exitCode, stdout, stderr });
      },
    );
  });
}
