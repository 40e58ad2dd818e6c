// The same, from a file.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMashup } from '../../../dist/index.js';
import { pages } from '../../../dist/pages/index.js';
import { digested } from './express-mashup-json.js';

export default async (urls, config) => {
  const upstreams = Object.fromEntries(urls.map((url, index) => [`upstream${index}`, url]));
  const folder = await mkdtemp(join(tmpdir(), 'bench-pages-'));
  const file = join(folder, 'pages.json');
  const content = { defaults: { page: { serverTiming: false } }, pages: { 'GET /': { upstreams, json: true } } };
  await writeFile(file, JSON.stringify(content));
  const router = await pages(file, { instance: createMashup(config.settings) });
  router.close();
  await rm(folder, { recursive: true });
  return [digested, router];
};
