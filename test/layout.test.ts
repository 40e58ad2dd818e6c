import { readdir, readFile } from 'node:fs/promises';
import { posix, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ModuleItem, parseSync } from '@swc/core';

// The rooms of src, in the order in which data flows; a room that is new is added here, on purpose.
const line = [
  'page-cache',
  'config',
  'plan',
  'run',
  'call',
  'stages',
  'cache',
  'origin',
  'request',
  'transport',
  'answer',
  'template',
];
// What stands outside the line: each may import anything, and only the entry files may import it.
const outside = ['cli', 'explain', 'redis', 'inspector', 'otel', 'html', 'testing', 'pages', 'openapi'];
// Files that every room may import. They import nothing but each other. All other files of src itself are its entry.
const leaves = [
  'errors.ts',
  'clock.ts',
  'types.ts',
  'settings-types.ts',
  'standard-schema.ts',
  'checked.ts',
  'cache-types.ts',
  'channels.ts',
  'warn.ts',
  'route.ts',
  'graph-types.ts',
  'failure-log.ts',
  'outcome.ts',
  'tags.ts',
  'notes.ts',
  'locals.ts',
  'plain.ts',
  'redact.ts',
  'hex.ts',
  'hook.ts',
  'seam.ts',
  'version.ts',
  'shown.ts',
  'soon.ts',
];

// Who may know a package: with `values`, which files (at most `files` of them) import it for what it does at run time;
// with `types`, which may import its types besides.
const packages: Record<string, { values: RegExp; files: number; types: RegExp }> = {
  express: { values: /./, files: 1, types: /./ },
  '@0no-co/graphql.web': { values: /^openapi\//, files: 1, types: /^openapi\// },
  yaml: { values: /^pages\//, files: 1, types: /^pages\// },
  undici: { values: /^transport\//, files: 1, types: /^transport\/|^settings-types\.ts$/ },
  'p-limit': { values: /^run\//, files: 1, types: /^run\// },
  '@redis/client': { values: /^redis\//, files: 1, types: /^redis\// },
  'lru-cache': { values: /^cache\//, files: 1, types: /^cache\// },
  '@opentelemetry/api': { values: /^otel\//, files: 2, types: /^otel\// },
};

const mostLines = 280;

interface Import {
  from: string;
  /** A file of src, or the name of a package. */
  to: string;
  /** Erased by the compiler. (`import { type A }` is not: it leaves an import of the module.) */
  erased: boolean;
}

describe('the layout of src', () => {
  test('follows the rules', async () => {
    const files = await readSources();
    expect(Object.keys(files)).toContain('index.ts');
    expect(checkLayout(files)).toEqual([]);
  });

  test('is read in full: rooms, packages and erased imports are found in it', async () => {
    const imports = Object.entries(await readSources()).flatMap(([path, source]) => importsOf(path, source));
    expect(imports).toContainEqual({ from: 'index.ts', to: 'errors.ts', erased: false });
    expect(imports).toContainEqual({ from: 'types.ts', to: 'express', erased: true });
    expect(imports.filter(({ to, erased }) => to === 'undici' && !erased)).not.toEqual([]);
  });
});

describe('the check', () => {
  const good = {
    'index.ts': "export { mashup } from './mashup.js'; export type { A } from './types.js';",
    'mashup.ts':
      "import { read } from './config/page.js'; import { attach } from './locals.js'; import './run/run.js';",
    'types.ts':
      "import type { Request } from 'express'; import type { Outcome } from './outcome.js'; export type A = 1;",
    'outcome.ts': "import type { E } from './errors.js'; export interface Outcome { e: E }",
    'errors.ts': 'export type E = 1;',
    'locals.ts': "import type { Outcome } from './outcome.js'; export const attach = 1;",
    'config/page.ts':
      "import { compile } from '../plan/compile.js'; import { a } from './checks.js'; export const read = 1;",
    'config/checks.ts': 'export const a = 1;',
    'plan/compile.ts': "import type { Plan } from '../run/plan.js'; import { send } from '../transport/send.js';",
    'run/plan.ts': "import type { Request } from 'express'; export interface Plan { request: Request }",
    'run/run.ts': "import limit from 'p-limit'; import type { Plan } from './plan.js'; import '../call/call.js';",
    'call/call.ts': "import type { Host } from './host.js'; import { send } from '../transport/send.js';",
    'call/host.ts': "import type { Request } from 'express'; export interface Host { request: Request }",
    'transport/send.ts':
      "import { Client } from 'undici'; import type { A } from '../types.js'; export const send = 1;",
    'cli/main.ts': "import { mashup } from '../mashup.js'; import { read } from '../config/page.js';",
  };

  test('finds nothing in a good layout', () => expect(checkLayout(good)).toEqual([]));

  test.each<[string, Record<string, string>, string]>([
    [
      'a room that imports an earlier one',
      { 'call/call.ts': "import { compile } from '../plan/compile.js';" },
      'call/call.ts imports plan/compile.ts, against the line',
    ],
    [
      'the same with export … from',
      { 'transport/send.ts': "export * from '../run/run.js';" },
      'transport/send.ts imports run/run.ts, against the line',
    ],
    [
      'the same with import()',
      { 'run/run.ts': "export const later = async () => (await import('../config/page.js')).read;" },
      'run/run.ts imports config/page.ts, against the line',
    ],
    [
      'a type of an earlier room',
      { 'call/host.ts': "import type { Plan } from '../run/plan.js'; export interface Host { plan: Plan }" },
      'call/host.ts imports run/plan.ts, against the line',
    ],
    [
      'a room that imports an entry file',
      { 'run/run.ts': "import { mashup } from '../mashup.js';" },
      'run/run.ts imports mashup.ts, which is an entry file',
    ],
    [
      'the same by import("…").T',
      { 'run/run.ts': "export type M = import('../mashup.js').M;" },
      'run/run.ts imports mashup.ts, which is an entry file',
    ],
    [
      'a room that imports what stands outside',
      { 'call/call.ts': "import '../cli/main.js';" },
      'call/call.ts imports cli/main.ts, which stands outside the line',
    ],
    [
      'a leaf that imports a room',
      { 'locals.ts': "import { send } from './transport/send.js';" },
      'locals.ts imports transport/send.ts, but is a leaf',
    ],
    ['a room that is not known', { 'utils/x.ts': 'export {};' }, 'utils/x.ts: the room utils is not in the line'],
    [
      'a missing file',
      { 'call/call.ts': "import './gone.js';" },
      'call/call.ts imports call/gone.ts, which is not there',
    ],
    [
      'a cycle that only types close',
      { 'call/call.ts': "import './host.js';", 'call/host.ts': "import type { Call } from '../call/call.js';" },
      'a cycle: call/call.ts → call/host.ts → call/call.ts',
    ],
    [
      'a longer cycle, of leaves',
      {
        'errors.ts': "import './clock.js';",
        'clock.ts': "import './outcome.js';",
        'outcome.ts': "import './errors.js';",
      },
      'a cycle: outcome.ts → errors.ts → clock.ts → outcome.ts',
    ],
    [
      'express in two files',
      { 'index.ts': "import 'express';", 'mashup.ts': "import { Router } from 'express';" },
      'express is imported by index.ts, mashup.ts: 1 file may',
    ],
    [
      'undici outside the transport',
      { 'transport/send.ts': '', 'call/call.ts': "import { Agent } from 'undici';" },
      'call/call.ts may not import undici',
    ],
    [
      'undici in two files',
      { 'transport/other.ts': "import mock from 'undici/lib/mock.js';" },
      'undici is imported by transport/send.ts, transport/other.ts: 1 file may',
    ],
    [
      'a type of undici outside the transport',
      { 'run/run.ts': "import type { Agent } from 'undici';" },
      'run/run.ts may not import types of undici',
    ],
    ['p-limit outside run', { 'call/call.ts': "import limit from 'p-limit';" }, 'call/call.ts may not import p-limit'],
    [
      'a timer that no test can move',
      { 'call/call.ts': 'export const signal = AbortSignal.timeout(5);' },
      'call/call.ts uses AbortSignal.timeout',
    ],
    [
      'a file that is too long',
      { 'call/call.ts': '// line\n'.repeat(mostLines + 1) },
      `call/call.ts has ${mostLines + 1} lines, more than ${mostLines}`,
    ],
  ])('finds %s', (_name, change, problem) => {
    expect(checkLayout({ ...good, ...change })).toContain(problem);
  });
});

async function readSources(): Promise<Record<string, string>> {
  const root = fileURLToPath(new URL('../src/', import.meta.url));
  const paths = (await readdir(root, { recursive: true })).filter((path) => path.endsWith('.ts')).sort();
  const read = async (path: string) => [path.split(sep).join('/'), await readFile(root + path, 'utf8')] as const;
  return Object.fromEntries(await Promise.all(paths.map(read)));
}

/** What is wrong with the layout of these files, which are given by their path in src. */
function checkLayout(files: Readonly<Record<string, string>>): string[] {
  const imports = Object.entries(files).flatMap(([path, source]) => importsOf(path, source));
  return [
    ...Object.entries(files).flatMap(([path, source]) => fileProblems(path, source)),
    ...imports.flatMap((one) => directionProblems(one, files)),
    ...Object.keys(packages).flatMap((name) => packageProblems(name, imports)),
    ...cycles(imports.filter(({ to }) => to.endsWith('.ts'))),
  ];
}

function fileProblems(path: string, source: string): string[] {
  const problems: string[] = [];
  const room = roomOf(path);
  if (room !== null && !line.includes(room) && !outside.includes(room)) {
    problems.push(`${path}: the room ${room} is not in the line`);
  }
  // Fake timers do not move it, so that a page could not be tested with them. Times go through the instance's clock.
  if (/\bAbortSignal\s*\.\s*timeout\b/.test(source)) problems.push(`${path} uses AbortSignal.timeout`);
  const lines = source.split('\n').length - 1;
  if (lines > mostLines) problems.push(`${path} has ${lines} lines, more than ${mostLines}`);
  return problems;
}

function directionProblems({ from, to }: Import, files: Readonly<Record<string, string>>): string[] {
  if (!to.endsWith('.ts')) return [];
  const source = files[to];
  if (source === undefined) return [`${from} imports ${to}, which is not there`];
  if (leaves.includes(to)) return [];
  if (leaves.includes(from)) return [`${from} imports ${to}, but is a leaf`];
  const here = roomOf(from);
  const there = roomOf(to);
  if (here === null || here === there || outside.includes(here)) return [];
  if (there === null) return [`${from} imports ${to}, which is an entry file`];
  if (outside.includes(there)) return [`${from} imports ${to}, which stands outside the line`];
  if (line.indexOf(there) > line.indexOf(here)) return [];
  return [`${from} imports ${to}, against the line`];
}

function packageProblems(name: string, imports: readonly Import[]): string[] {
  const rule = packages[name];
  const all = imports.filter(({ to }) => to === name);
  const values = new Set(all.filter(({ erased }) => !erased).map(({ from }) => from));
  const types = new Set(all.filter(({ erased }) => erased).map(({ from }) => from));
  if (rule === undefined) return [];
  const problems = [...values]
    .filter((from) => !rule.values.test(from))
    .map((from) => `${from} may not import ${name}`);
  for (const from of types) if (!rule.types.test(from)) problems.push(`${from} may not import types of ${name}`);
  if (values.size > rule.files) {
    problems.push(`${name} is imported by ${[...values].join(', ')}: ${rule.files} file may`);
  }
  return problems;
}

function cycles(imports: readonly Import[]): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start !== -1) found.push(`a cycle: ${[...path.slice(start), file].join(' → ')}`);
    if (start !== -1 || done.has(file)) return;
    for (const { from, to } of imports) if (from === file) visit(to, [...path, file]);
    done.add(file);
  };
  for (const { from } of imports) visit(from, []);
  return found;
}

function roomOf(path: string): string | null {
  return path.includes('/') ? (path.split('/')[0] ?? null) : null;
}

function parse(source: string): ModuleItem[] {
  return parseSync(source, { syntax: 'typescript', target: 'es2023' }).body;
}

function importsOf(path: string, source: string): Import[] {
  const imports: Import[] = [];
  visitNodes(parse(source), (node) => {
    const { specifier, erased } = readImport(node);
    if (specifier !== null) imports.push({ from: path, to: resolveImport(path, specifier), erased });
  });
  return imports;
}

type SyntaxNode = Record<string, unknown> & { type: string };

function visitNodes(value: unknown, visit: (node: SyntaxNode) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if ('type' in value && typeof value.type === 'string') visit(value as SyntaxNode);
  for (const child of Object.values(value)) visitNodes(child, visit);
}

function readImport(node: SyntaxNode): { specifier: string | null; erased: boolean } {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return { specifier: literal(node['source']), erased: node['typeOnly'] === true };
    case 'TsImportType':
      return { specifier: literal(node['argument']), erased: true };
    case 'CallExpression': {
      const callee = node['callee'] as SyntaxNode;
      const [first] = node['arguments'] as { expression: unknown }[];
      const loads = callee.type === 'Import' || (callee.type === 'Identifier' && callee['value'] === 'require');
      return { specifier: loads ? literal(first?.expression) : null, erased: false };
    }
    default:
      return { specifier: null, erased: false };
  }
}

function literal(node: unknown): string | null {
  const { type, value } = (node ?? {}) as { type?: string; value?: string };
  return type === 'StringLiteral' && value !== undefined ? value : null;
}

function resolveImport(from: string, specifier: string): string {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts');
  return specifier.startsWith('@') ? specifier.split('/', 2).join('/') : (specifier.split('/')[0] ?? specifier);
}
