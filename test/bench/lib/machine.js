// What the numbers were measured on and with.
import { existsSync, readFileSync } from 'node:fs';
import { cpus, loadavg, release, type } from 'node:os';

const here = new URL('../', import.meta.url);
const root = new URL('../../', here);

const version = (name, folder) => {
  const file = new URL(`node_modules/${name}/package.json`, folder);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : 'not installed';
};

/** What has to be done before anything can run, or null. */
export function missing({ tables, contenders }) {
  if (!existsSync(new URL('node_modules/', here)))
    return 'The competitors are not installed. Run: npm ci --prefix test/bench';
  const ours =
    tables.some((name) => name !== 'throughput') || contenders.some((name) => name.startsWith('express-mashup'));
  if (ours && !existsSync(new URL('dist/index.js', root)))
    return 'express-mashup is not built. Run, in its folder: npm ci && npm run build';
  return null;
}

/** Machine and versions, as Markdown. */
export function machine(canPin) {
  const [{ model }] = cpus();
  const ours = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')).version;
  const competitors = ['express', 'undici', 'axios', 'got', '@podium/layout', 'node-tailor', 'ghtml'];
  const pinned = canPin ? 'server on core 0, load and upstreams on core 1' : 'NOT PINNED: there is no taskset here';
  return [
    `- ${model}, ${cpus().length} cores, ${type()} ${release()}; ${pinned}; load average ${loadavg()[0].toFixed(1)} at the start`,
    `- Node ${process.versions.node} (its own undici: ${process.versions.undici}), ${competitors.map((name) => `${name} ${version(name, here)}`).join(', ')}`,
    `- express-mashup ${ours} over undici ${version('undici', root)}`,
  ].join('\n');
}
