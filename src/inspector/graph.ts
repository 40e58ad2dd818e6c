import type { GraphNode, PageGraph } from '../graph-types.js';
import { html } from '../html/html.js';
import type { Html } from '../html/values.js';
import { ms } from './words.js';

const WIDTH = 176;
const HEIGHT = 44;
const GAP_X = 70;
const GAP_Y = 18;

interface Placed {
  readonly node: GraphNode;
  readonly x: number;
  readonly y: number;
}

/** The upstreams of a page as a drawing: from left to right, each after those that it waits for. */
export function drawing(graph: PageGraph): Html {
  const placed = place(graph.upstreams);
  const width = Math.max(...[...placed.values()].map(({ x }) => x + WIDTH)) + 2;
  const height = Math.max(...[...placed.values()].map(({ y }) => y + HEIGHT)) + 2;
  const arrows = [...placed.values()].flatMap((to) =>
    to.node.waitsFor.flatMap((name) => {
      const from = placed.get(name);
      return from === undefined ? [] : [arrow(from, to)];
    }),
  );
  return html`<svg class="graph" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${inWords(graph)}">
${arrows}${[...placed.values()].map(box)}</svg>`;
}

/** The same for those who do not see it. */
function inWords({ upstreams }: PageGraph): string {
  return upstreams
    .map(({ name, waitsFor }) =>
      waitsFor.length === 0 ? `${name} starts at once` : `${name} after ${waitsFor.join(' and ')}`,
    )
    .join('; ');
}

function place(nodes: readonly GraphNode[]): Map<string, Placed> {
  const depths = new Map<string, number>();
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const depthOf = ({ name, waitsFor }: GraphNode): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    const depth = Math.max(-1, ...waitsFor.flatMap((other) => byName.get(other) ?? []).map(depthOf)) + 1;
    depths.set(name, depth);
    return depth;
  };
  const rows = new Map<number, number>();
  const placed = new Map<string, Placed>();
  for (const node of nodes) {
    const column = depthOf(node);
    const row = rows.get(column) ?? 0;
    rows.set(column, row + 1);
    placed.set(node.name, { node, x: 1 + column * (WIDTH + GAP_X), y: 1 + row * (HEIGHT + GAP_Y) });
  }
  return placed;
}

function arrow(from: Placed, to: Placed): Html {
  const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
  const bend = (x1 + x2) / 2;
  const path = `M${x1} ${y1}C${bend} ${y1} ${bend} ${y2} ${x2 - 6} ${y2}`;
  return html`<path class="arrow" d="${path}"/><path class="head" d="M${x2} ${y2}l-7 -4v8z"/>`;
}

function box({ node, x, y }: Placed): Html {
  const { name, required, deferred, cached, timeout } = node;
  const words = [required && 'required', deferred && 'deferred', cached && 'cached', timeout !== null && ms(timeout)];
  return html`<g class="node${deferred ? ' deferred' : ''}"><rect x="${x}" y="${y}" width="${WIDTH}" height="${HEIGHT}" rx="8"/>
<text x="${x + 12}" y="${y + 19}" class="name">${short(name)}</text><text x="${x + 12}" y="${y + 35}">${words.filter(Boolean).join(', ')}</text></g>`;
}

function short(name: string): string {
  return name.length > 18 ? `${name.slice(0, 17)}…` : name;
}
