// Other pages than `throughput`'s: more upstreams and fewer, other bodies, and what the bound on concurrency costs.
import { table } from '../lib/markdown.js';
import { compare, middle, rounds } from '../lib/rounds.js';
import { Patience } from '../lib/watch.js';

const KIB = 1024;
const CONTENDERS = ['dispatch', 'request', 'express-mashup'];

/** Bodies, and the numbers of upstreams of the pages made of them. */
const BODIES = [
  { type: 'json', size: 2 * KIB, counts: [1, 5, 20, 100] },
  { type: 'json', size: KIB, counts: [5] },
  { type: 'json', size: 100 * KIB, counts: [1, 5] },
  { type: 'text', size: 2 * KIB, counts: [5] },
  { type: 'text', size: 100 * KIB, counts: [5] },
  { type: 'json', size: 2 * KIB, gzip: true, counts: [5] },
  { type: 'json', size: 100 * KIB, gzip: true, counts: [5] },
];

// A hundred upstreams, and room for all of them at their origin, so that only the page's own bound differs.
const MOST = 100;
const bound = (concurrency) => ({
  name: `concurrency ${concurrency}`,
  contender: 'express-mashup',
  upstreams: MOST,
  connections: 4,
  page: { concurrency },
  settings: { limits: { perOrigin: 1000 } },
});
const BOUNDS = [10, 1000].map(bound);

/** All pages of a body have as many calls in flight, so that none overflows the queue of its origin. */
const connectionsFor = (upstreams, { connections }) => Math.max(2, Math.min(connections, Math.floor(400 / upstreams)));

const pagesOf = (body, options) =>
  body.counts.flatMap((upstreams) =>
    CONTENDERS.map((contender) => {
      const connections = connectionsFor(upstreams, options);
      return { name: `${contender}, ${upstreams}`, contender, upstreams, connections };
    }),
  );

function row(upstreams, { type, size, gzip }, turns) {
  const [byDispatch, byRequest, ours] = CONTENDERS.map((contender) => turns[`${contender}, ${upstreams}`]);
  const limit = compare(ours, byDispatch);
  const other = compare(ours, byRequest);
  return [
    `${upstreams} × ${size / KIB} KB ${type}${gzip ? ', gzip' : ''}`,
    ...[limit.ratio, limit.byCpu, other.ratio, other.byCpu].map((value) => value.toFixed(2)),
    ...[ours, byDispatch, byRequest].map((of) => middle(of, 'cost').toFixed(0)),
    Math.min(limit.calm, other.calm),
  ];
}

const HEAD = [
  'page',
  'ratio to `dispatch`',
  'by CPU',
  'ratio to `request`',
  'by CPU',
  'CPU µs/page',
  '`dispatch`',
  '`request`',
  'calm rounds',
];

function many(turns) {
  const each = (upstreams) =>
    turns[`express-mashup, ${upstreams}`].map(({ cost, calm }) => ({
      rate: upstreams / cost,
      cost: cost / upstreams,
      calm,
    }));
  const perUpstream = compare(each(MOST), each(5)).byCpu;
  const [bounded, free] = BOUNDS.map(({ name }) => turns[name]);
  const { ratio, least, most, byCpu, calm } = compare(bounded, free);
  return [
    `- CPU per upstream with ${MOST} upstreams, relative to that with 5: ${(1 / perUpstream).toFixed(2)}`,
    `- ${MOST} upstreams, \`concurrency: 10\` beside \`1000\`: pages per second ${ratio.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)}), by CPU ${byCpu.toFixed(2)}, calm rounds ${calm}`,
  ].join('\n');
}

export default async function sizes(options, log) {
  const patience = new Patience(options.patience);
  const shorter = { ...options, rounds: Math.ceil(options.rounds / 2) };
  const rows = [];
  let notes = '';
  for (const body of BODIES) {
    log(`${body.size} bytes of ${body.type}${body.gzip ? ', gzip' : ''}`);
    const upstreams = Math.max(...body.counts);
    const pages = [...pagesOf(body, options), ...(upstreams === MOST ? BOUNDS : [])];
    const turns = await rounds({ ...body, origins: 1, upstreams }, pages, shorter, patience, log);
    for (const count of body.counts) rows.push(row(count, body, turns));
    if (upstreams === MOST) notes = many(turns);
  }
  return [`## Other pages: ${shorter.rounds} rounds`, table(HEAD, rows), notes, String(patience)].join('\n\n');
}
