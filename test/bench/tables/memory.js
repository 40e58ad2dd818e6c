// What a run that waits for its upstreams holds, and how large a process grows.
import { setTimeout as sleep } from 'node:timers/promises';
import { contenders } from '../contenders/index.js';
import { table } from '../lib/markdown.js';
import { expected } from '../lib/payload.js';
import { spread, withSides } from '../lib/sides.js';
import { median } from '../lib/stats.js';

const NAMES = ['dispatch', 'express-mashup'];
const BATCHES = 3;
const upstreams = { origins: 5, upstreams: 5, size: 2048 };
const text = JSON.stringify(expected(upstreams));

const page = (name, path, extra) => ({ contender: name, urls: spread(path, upstreams.upstreams), ...extra });

/** Pages that all wait at once: bytes while they do, beside those before them. */
async function batch(load, server, runs) {
  const before = await server.ask('memory');
  await load.ask('open', { port: server.port, connections: runs, text });
  const answered = load.ask('run', 1);
  while ((await load.ask('held')) < runs * upstreams.upstreams) await Promise.race([answered, sleep(50)]);
  const waiting = await server.ask('memory');
  await load.ask('release');
  const { pages } = await answered;
  if (pages !== runs) throw new Error(`${pages} pages, not ${runs}`);
  await load.ask('close');
  await sleep(500);
  return {
    heap: (waiting.heap - before.heap) / runs,
    rss: (waiting.rss - before.rss) / runs,
  };
}

/** Of a fresh process each time: connections stay, and a second batch would find them. */
async function inFlight(runs, log) {
  const config = { page: { deadline: 120_000 }, settings: { limits: { perOrigin: runs } } };
  const seen = Object.fromEntries(NAMES.map((name) => [name, []]));
  for (let round = 0; round < BATCHES; round++) {
    const pages = NAMES.map((name) => page(name, 'hold', config));
    await withSides({ upstreams, pages, flags: ['--expose-gc'] }, async (load, servers) => {
      for (const [index, name] of NAMES.entries()) {
        await batch(load, servers[index], 20);
        seen[name].push(await batch(load, servers[index], runs));
      }
    });
    log(`${runs} runs in flight: ${round + 1} of ${BATCHES}`);
  }
  return seen;
}

async function grow(pages, log) {
  const sides = { upstreams, pages: NAMES.map((name) => page(name, 'data')), flags: ['--expose-gc'] };
  return withSides(sides, async (load, servers) => {
    const seen = {};
    for (const [index, name] of NAMES.entries()) {
      const server = servers[index];
      const sizes = [];
      await load.ask('open', { port: server.port, connections: 16, text });
      for (const most of [pages / 10, pages]) {
        for (let done = 0; done < most; ) done += (await load.ask('run', 500)).pages;
        sizes.push(await server.ask('memory'));
      }
      await load.ask('close');
      seen[name] = sizes;
      log(`${pages} pages of ${name}`);
    }
    return seen;
  });
}

const kb = (bytes) => (bytes / 1024).toFixed(1);
const mb = (bytes) => (bytes / 1024 ** 2).toFixed(0);

export default async function memory({ runs, 'pages-rss': pages }, log) {
  const held = await inFlight(runs, log);
  const grown = await grow(pages, log);
  const [base] = NAMES;
  const rows = NAMES.map((name) => {
    const middle = (key) => median(held[name].map((sample) => sample[key]));
    const ratio = (key) => median(held[name].map((sample, round) => sample[key] / held[base][round][key])).toFixed(2);
    const [early, late] = grown[name];
    return [
      contenders[name],
      ...[kb(middle('heap')), ratio('heap'), kb(middle('rss'))],
      ...[mb(early.rss), mb(late.rss), mb(late.heap)],
    ];
  });
  return [
    `## Memory: ${runs} runs that wait for five upstreams each, and ${pages} pages`,
    table(
      [
        'contender',
        'KB per run, with its connections',
        'ratio',
        'KB per run, RSS',
        `RSS after ${pages / 10} pages, MB`,
        `after ${pages}, MB`,
        'of which heap and buffers, MB',
      ],
      rows,
    ),
  ].join('\n\n');
}
