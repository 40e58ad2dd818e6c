import { parseArgs } from 'node:util';
import { contenders } from '../contenders/index.js';
import { tables } from '../tables/index.js';

const defaults = {
  rounds: 11,
  window: 1500,
  heat: 4000,
  warmup: 300,
  upstreams: 5,
  origins: 1,
  size: 2048,
  connections: 16,
  pages: 60,
  runs: 1000,
  'pages-rss': 20_000,
  patience: 300,
};

export const usage = `node test/bench/run.js [option ...]

  --tables a,b       only these of ${tables.join(', ')}
  --only a,b         only these contenders, and the first, the base: ${Object.keys(contenders).join(', ')}
  --rounds 11        rounds, in each of which every contender has its turn
  --window 1500      milliseconds of a turn
  --heat 4000        milliseconds of load before the first round, for the compiler
  --warmup 300       milliseconds of load before a turn that do not count
  --connections 16   connections that ask for pages
  --upstreams 5      upstreams of a page
  --origins 1        servers (ports) that they are spread over
  --size 2048        bytes of an upstream's JSON
  --pages 60         pages of the table \`tail\`; a third of them of \`sequential\`
  --runs 1000        runs in flight of the table \`memory\`
  --pages-rss 20000  pages of the table \`memory\` after which it looks at the process's size
  --patience 300     seconds to spend on repeating turns that other processes disturbed`;

const list = (text, known, flag) => {
  const names = text?.split(',') ?? known;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length) throw new Error(`--${flag}: no such name: ${unknown.join(', ')}. Known: ${known.join(', ')}`);
  return names;
};

const count = (text, flag) => {
  const number = Number(text ?? defaults[flag]);
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${flag}: a whole number above 0, not ${text}`);
  return number;
};

/** The options of the command line. */
export function options(args) {
  const flags = ['only', 'tables', ...Object.keys(defaults)];
  const { values } = parseArgs({
    args,
    options: { help: { type: 'boolean' }, ...Object.fromEntries(flags.map((flag) => [flag, { type: 'string' }])) },
  });
  const known = Object.keys(contenders);
  const only = list(values.only, known, 'only');
  return {
    help: values.help ?? false,
    ...Object.fromEntries(Object.keys(defaults).map((flag) => [flag, count(values[flag], flag)])),
    tables: list(values.tables, tables, 'tables'),
    contenders: known.filter((name, index) => index === 0 || only.includes(name)),
  };
}
