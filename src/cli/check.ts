import { isConfigError } from '../errors.js';
import type { GraphNode, PageGraph } from '../graph-types.js';
import { MashupInstance } from '../instance.js';
import { mashupOn } from '../mashup.js';
import { graphsOf } from '../notes.js';
import { load } from '../pages/load.js';
import { shown } from '../shown.js';
import type { Output } from './progress.js';

/** Whatever name a file uses: what a program gives it is not known here. */
function anyName(value: unknown): Readonly<Record<string, never>> {
  const descriptor = { value, configurable: true, enumerable: true, writable: true };
  return new Proxy({}, { get: () => value, has: () => true, getOwnPropertyDescriptor: () => descriptor });
}

const anySchema = { '~standard': { version: 1, vendor: 'check', validate: (value: unknown) => ({ value }) } };

/** Checks a file of pages, and draws them. The exit code: 0, or 1 where something is wrong. */
export async function check(file: string, { stdout, stderr }: { stdout: Output; stderr: Output }): Promise<number> {
  const named = { functions: anyName(() => undefined), schemas: anyName(anySchema), env: anyName('set') };
  try {
    const { routes } = await load(file, mashupOn(new MashupInstance()), named);
    const lines = routes.flatMap(({ key, page }) => graphsOf(page).flatMap((graph) => linesOf(key, graph)));
    stdout.write(
      `${[...lines, `${file}: ${routes.length} ${routes.length === 1 ? 'page' : 'pages'}, nothing wrong`].join('\n')}\n`,
    );
    return 0;
  } catch (error) {
    complain(file, error, stderr);
    return 1;
  }
}

const unreadable = new Map([
  ['ENOENT', 'is not there: express-mashup init makes a first one'],
  ['EISDIR', 'is a folder'],
  ['EACCES', 'may not be read'],
]);

/** Says what is wrong with a file, or else. A file may have in it what a terminal would obey. */
export function complain(file: string, error: unknown, stderr: Output): void {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  const why = syscall === 'open' || syscall === 'read' ? unreadable.get(code ?? '') : undefined;
  const lines = isConfigError(error)
    ? error.problems.map(({ path, message }) => `${path}: ${message}`)
    : [`express-mashup: ${why === undefined ? message : `${file} ${why}`}`];
  for (const line of lines) stderr.write(`${shown(line, Infinity)}\n`);
}

/** A page: its upstreams as a tree, what waits under what it waits for, and how long it can take. */
function linesOf(key: string, graph: PageGraph): string[] {
  const { upstreams, deadline, concurrency } = graph;
  const most = graph.crowded ? `, ${concurrency} requests at once` : '';
  const chain = longest(graph);
  const worst = Math.min(
    deadline,
    chain.reduce((sum, node) => sum + timeOf(node, deadline), 0),
  );
  return [
    `${shown(key)}  (deadline ${deadline} ms${most})`,
    ...upstreams.filter(({ waitsFor }) => waitsFor.length === 0).flatMap((node) => treeOf(node, upstreams, '  ')),
    `  longest way: ${chain.map(({ name }) => name).join(' → ')}; at worst ${worst} ms`,
    '',
  ];
}

function treeOf(node: GraphNode, all: readonly GraphNode[], indent: string): string[] {
  const words = [
    node.required && 'required',
    node.deferred && 'deferred',
    node.cached && 'cached',
    node.timeout !== null && `${node.timeout} ms`,
    node.waitsFor.length > 1 && `after ${node.waitsFor.join(', ')}`,
  ].filter(Boolean);
  // Under the last of those that it waits for.
  const children = all.filter(({ waitsFor }) => waitsFor.at(-1) === node.name);
  const line = `${indent}${node.name}${words.length === 0 ? '' : ` (${words.join(', ')})`}`;
  return [line, ...children.flatMap((child) => treeOf(child, all, `${indent.replace('└─ ', '   ')}└─ `))];
}

function timeOf({ timeout }: GraphNode, deadline: number): number {
  return Math.min(timeout ?? deadline, deadline);
}

/** The chain of blocking upstreams that can take longest, by their own times. */
function longest({ upstreams, deadline }: PageGraph): GraphNode[] {
  const blocking = upstreams.filter(({ deferred }) => !deferred);
  const byName = new Map(blocking.map((node) => [node.name, node]));
  const known = new Map<string, { readonly chain: GraphNode[]; readonly ms: number }>();
  const of = (node: GraphNode): { readonly chain: GraphNode[]; readonly ms: number } => {
    const found = known.get(node.name);
    if (found !== undefined) return found;
    const before = node.waitsFor.flatMap((name) => byName.get(name) ?? []).map(of);
    const slowest = before.reduce((a, b) => (b.ms > a.ms ? b : a), { chain: [] as GraphNode[], ms: 0 });
    const made = { chain: [...slowest.chain, node], ms: slowest.ms + timeOf(node, deadline) };
    known.set(node.name, made);
    return made;
  };
  return blocking.map(of).reduce((a, b) => (b.ms > a.ms ? b : a), { chain: [] as GraphNode[], ms: 0 }).chain;
}
