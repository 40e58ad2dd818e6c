// What a process pays once: importing the package, and mounting a large page. Each sample is a process of its own.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { canPin } from '../lib/child.js';
import { table } from '../lib/markdown.js';
import { median } from '../lib/stats.js';

/** The project's folder, where its own dependencies are found, and it by its name. */
const cwd = fileURLToPath(new URL('../../../', import.meta.url));
const SAMPLES = 21;

const imports = (...names) =>
  `const t = performance.now();
   ${names.map((name) => `await import('${name}');`).join('\n')}
   console.log(JSON.stringify([performance.now() - t]));`;

const DEPENDENCIES = ['express', 'axios', 'p-limit', 'undici'];
const jobs = {
  dependencies: imports(...DEPENDENCIES),
  ours: imports('express', 'express-mashup'),
  alone: imports('express-mashup'),
  mount: `import { mashup } from 'express-mashup';
    const page = (n) => Object.fromEntries(Array.from({ length: 50 }, (_, i) => ['u' + i,
      'https://u' + i + '.example.com/' + n + '/{params.id}/items{?query.page,query.lang}' + (i % 5 ? '&of={u' + (i - 1) + '.id}' : '')]));
    const times = [];
    for (let n = 0; n < 20; n++) {
      const upstreams = page(n);
      const t = performance.now();
      mashup(upstreams);
      times.push(performance.now() - t);
    }
    console.log(JSON.stringify([times[0], times.slice(10).sort((a, b) => a - b)[5]]));`,
};

function sample(code) {
  const node = [process.execPath, '--input-type=module', '-e', code];
  const [command, ...rest] = canPin ? ['taskset', '-c', '0', ...node] : node;
  const { stdout, stderr, status } = spawnSync(command, rest, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`Status ${status}:\n${stderr}`);
  return JSON.parse(stdout);
}

export default async function startup(_options, log) {
  const seen = Object.fromEntries(Object.keys(jobs).map((name) => [name, []]));
  log(`${SAMPLES} processes of each kind`);
  for (let round = 0; round <= SAMPLES; round++) {
    for (const [name, code] of Object.entries(jobs)) {
      const values = sample(code);
      if (round > 0) seen[name].push(values);
    }
  }
  const first = (name) => seen[name].map(([value]) => value);
  const ratio = (name) => median(first(name).map((value, round) => value / first('dependencies')[round])).toFixed(2);
  const row = (text, name) => [text, median(first(name)).toFixed(1), ratio(name)];
  const mounted = (at) => median(seen.mount.map((values) => values[at])).toFixed(1);
  return [
    `## Starting: ${SAMPLES} processes of each kind, medians`,
    table(
      ['import', 'ms', 'ratio'],
      [
        row(DEPENDENCIES.join(', '), 'dependencies'),
        row('express, **express-mashup**', 'ours'),
        row('**express-mashup** alone', 'alone'),
      ],
    ),
    `To mount a page of fifty upstreams with templates: ${mounted(0)} ms for the first page of a process, ${mounted(1)} ms once it is warm.`,
  ].join('\n\n');
}
