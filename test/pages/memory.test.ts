import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pages } from '../../src/pages/index.js';
import { closeAll, closeLater } from '../support/closing.js';
import { memoryInUse } from '../support/memory.js';
import { newMashup } from '../support/site.js';

afterEach(closeAll);

test('reloads leave nothing behind, of right files and of wrong ones', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mashup-pages-'));
  closeLater(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'pages.json');
  const write = async (at: number) => {
    const upstreams = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`u${index}`, `https://a${index}.example.com/${at}/{params.id}`]),
    );
    const page = { upstreams, json: true };
    await writeFile(file, JSON.stringify({ pages: { 'GET /:id': page, ...(at % 2 === 0 && { 'GET /wrong': page }) } }));
  };
  await write(1);
  const router = await pages(file, { instance: newMashup(), onReload: () => {} });
  const reload = async (times: number) => {
    for (let at = 0; at < times; at++) {
      await write(at);
      await router.reload();
    }
    return memoryInUse();
  };
  const before = await reload(100);
  const after = await reload(300);
  router.close();
  // Pages of that size would take 15 MB and more.
  expect(after - before).toBeLessThan(300 * 10_000);
});
