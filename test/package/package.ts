import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** The targets of an entry: for `import` and `require`, the types and the code. */
export type Conditions = Record<string, Record<string, string>>;

export interface Manifest {
  version: string;
  homepage: string;
  bugs: string;
  repository: { type: string; url: string };
  bin: Record<string, string>;
  exports: Record<string, Conditions | string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

export interface Tarball {
  path: string;
  files: { path: string; size: number; mode: number }[];
}

export interface Ended {
  stdout: string;
  stderr: string;
}

export async function readManifest(directory = root): Promise<Manifest> {
  return JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as Manifest;
}

export function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'mashup-package-'));
}

/** Packs what the last build left in dist, as `npm publish` would. */
export async function pack(directory: string): Promise<Tarball> {
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', directory], root);
  const [packed] = JSON.parse(stdout) as { filename: string; files: Tarball['files'] }[];
  if (packed === undefined) throw new Error(`npm pack said nothing: ${stdout}`);
  return { path: join(directory, packed.filename), files: packed.files };
}

/** Installs the tarball, and what else is named, into a new project. */
export async function install(directory: string, tarball: Tarball, specs: readonly string[]): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'package.json'), JSON.stringify({ name: 'consumer', private: true }));
  const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await run('npm', ['install', ...quick, tarball.path, ...specs], directory);
}

/** Unpacks the tarball into a new project, in which it finds these packages of ours and no others. Nothing is downloaded. */
export async function unpack(directory: string, tarball: Tarball, packages: readonly string[]): Promise<void> {
  const modules = join(directory, 'node_modules');
  const unpacked = join(modules, 'express-mashup');
  await mkdir(unpacked, { recursive: true });
  await writeFile(join(directory, 'package.json'), JSON.stringify({ name: 'consumer', private: true }));
  await run('tar', ['-xzf', tarball.path, '-C', unpacked, '--strip-components=1'], directory);
  for (const name of packages) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(root, 'node_modules', name), join(modules, name));
  }
}

/** Runs a program to its end; one that fails, or does not end by itself in time, is an error with all its output. */
export function run(program: string, args: readonly string[], cwd: string, limit = 120_000): Promise<Ended> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, timeout: limit, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error === null) return resolve({ stdout, stderr });
      const how = error.killed ? `did not end in ${limit} ms` : `failed with ${error.code}`;
      reject(new Error(`${program} ${args.join(' ')} ${how}\n${stdout}\n${stderr}`));
    });
  });
}
