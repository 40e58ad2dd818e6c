// Pages per second of every contender, as ratios to the first of the same round: on a shared machine only those mean much.
import { contenders } from '../contenders/index.js';
import { table } from '../lib/markdown.js';
import { compare, middle, rounds } from '../lib/rounds.js';
import { Patience } from '../lib/watch.js';

const HEAD = [
  'contender',
  'ratio',
  'min–max',
  'calm rounds',
  'ratio by CPU',
  'CPU µs/page',
  'pages/s',
  'server core',
  'load core',
];

function row(name, turns, base) {
  const { ratio, least, most, calm, byCpu } = compare(turns, base);
  return [
    contenders[name],
    ratio.toFixed(2),
    `${least.toFixed(2)}–${most.toFixed(2)}`,
    calm,
    byCpu.toFixed(2),
    middle(turns, 'cost').toFixed(0),
    middle(turns, 'rate').toFixed(0),
    `${(100 * middle(turns, 'busy')).toFixed(0)} %`,
    `${(100 * middle(turns, 'loadBusy')).toFixed(0)} %`,
  ];
}

/** Measures the contenders, of which the first is the base. */
export async function comparison(title, config, names, options, log) {
  const { upstreams, connections } = options;
  const patience = new Patience(options.patience);
  const pages = names.map((name) => ({ name, contender: name, upstreams, connections }));
  const turns = await rounds({ upstreams, ...config }, pages, options, patience, log);
  const rows = names.map((name) => row(name, turns[name], turns[names[0]]));
  const conditions = `${connections} connections, ${options.rounds} rounds`;
  return [`## ${title}, ${conditions}`, table(HEAD, rows), String(patience)].join('\n\n');
}

// Those compose fragments only, or are measured in tables of their own.
const ELSEWHERE = new Set([
  'tailor',
  'express-mashup-inspected',
  'express-mashup-json',
  'express-mashup-file',
  'express-mashup-cached',
  'express-mashup-cached-true',
  'request-cached',
  'axios-cached',
]);

export default function throughput(options, log) {
  const { upstreams, origins, size } = options;
  const names = options.contenders.filter((name) => !ELSEWHERE.has(name));
  const title = `Pages per second: ${upstreams} upstreams of ${size} bytes of JSON`;
  return comparison(title, { origins, size }, names, options, log);
}
