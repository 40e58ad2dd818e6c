// A page that a file describes, beside the same in code. V8 compiles the same code better in one process than in another, by a
// tenth of a page: so each is measured in several processes.
import { contenders } from '../contenders/index.js';
import { table } from '../lib/markdown.js';
import { middle, rounds } from '../lib/rounds.js';
import { median } from '../lib/stats.js';
import { Patience } from '../lib/watch.js';

const NAMES = ['express-mashup-json', 'express-mashup-file'];
const PROCESSES = 6;

export default async function file(options, log) {
  const { upstreams, connections, origins, size } = options;
  const patience = new Patience(options.patience);
  const pages = Array.from({ length: PROCESSES }, (_, at) =>
    NAMES.map((contender) => ({ name: `${contender} ${at}`, contender, upstreams, connections })),
  ).flat();
  const turns = await rounds({ upstreams, origins, size }, pages, options, patience, log);
  const costs = NAMES.map((name) =>
    pages.filter(({ contender }) => contender === name).map((page) => middle(turns[page.name], 'cost')),
  );
  const [base] = costs.map(median);
  const rows = NAMES.map((name, at) => [
    contenders[name],
    (base / median(costs[at])).toFixed(2),
    median(costs[at]).toFixed(0),
    `${Math.min(...costs[at]).toFixed(0)}–${Math.max(...costs[at]).toFixed(0)}`,
  ]);
  const title = `A page from a file: ${upstreams} upstreams of ${size} bytes of JSON, ${PROCESSES} processes each, ${options.rounds} rounds`;
  const head = ['contender', 'ratio by CPU', 'CPU µs/page', 'of the processes'];
  return [`## ${title}`, table(head, rows), String(patience)].join('\n\n');
}
