import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import express, { type RequestHandler } from 'express';
import { inspector } from '../../src/inspector/index.js';
import { describeWith } from '../setup/tools.js';
import { listen, originOf, startBackend } from '../support/backend.js';
import { startBrowser, type Tab } from '../support/browser.js';
import { closeAll, closeLater } from '../support/closing.js';
import { newMashup } from '../support/site.js';

afterEach(closeAll);

const axePath = fileURLToPath(import.meta.resolve('axe-core/axe.min.js'));

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

/** What axe finds that is serious or critical. */
async function seriousIn(tab: Tab): Promise<string[]> {
  await tab.evaluate(`${await readFile(axePath, 'utf8')}; 0`);
  const violations = await tab.evaluate<Violation[]>('axe.run().then(({ violations }) => violations)');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

describeWith('chromium', 'the inspector in a browser', (program) => {
  async function open(): Promise<{ origin: string; visit: (path: string) => Promise<unknown>; tab: Tab }> {
    const backend = await startBackend();
    backend.answer('/a', { id: 7 });
    backend.answer('/bad', 0, { status: 503 });
    for (const id of [7, 8]) backend.answer(`/b/${id}`, id);
    const mashup = newMashup();
    const url = (path: string) => backend.origin + path;
    const page = mashup(
      {
        user: { url: url('/a'), required: true },
        orders: { url: url('/b/{user.id}'), retry: true },
        all: { url: url('/b/{item}'), each: () => [7, 8, 9] },
        news: { url: url('/bad'), fallback: [], timeout: 20_000, cache: 1000 },
      },
      { deadline: 30_000 },
    );
    const one = inspector({ instance: mashup });
    closeLater(() => one.close());
    const app = express().use('/_mashup', one);
    app.get('/:id', page as unknown as RequestHandler, (_req, res) => void res.send('ok'));
    const origin = originOf(await listen(createServer(app)));
    backend.answer('/b/9', 0, { status: 500 });
    const visit = async (path: string) => (await fetch(origin + path, { headers: { connection: 'close' } })).text();
    return { origin, visit, tab: await (await startBrowser(program)).open() };
  }

  test("exports HAR that the importer of Chromium's own developer tools reads", async () => {
    const { visit, tab } = await open();
    await visit('/1');
    await visit('/2');
    const har = await visit('/_mashup/runs.har');
    await tab.go('devtools://devtools/bundled/inspector.html');
    await tab.loaded();
    const requests = await tab.evaluate<{ url: string; status: number; took: number }[]>(`(async () => {
      const { HARFormat, Importer } = await import('./models/har/har.js');
      const { log } = new HARFormat.HARRoot(${har});
      return Importer.Importer.requestsFromHARLog(log).map((request) => ({
        url: request.url().replace(/^http:..[^/]+/, ''),
        status: request.statusCode,
        took: request.endTime - request.startTime,
      }));
    })()`);
    const asked = (path: string, status: number) => Array(2).fill({ url: path, status, took: expect.any(Number) });
    const all = [...asked('/a', 200), ...asked('/bad', 503), ...asked('/b/7', 200), ...asked('/b/7', 200)];
    const others = [...asked('/b/8', 200), ...asked('/b/9', 500)];
    const byUrl = (a: { url: string }, b: { url: string }) => a.url.localeCompare(b.url);
    expect(requests.sort(byUrl)).toEqual([...all, ...others].sort(byUrl));
    for (const { took } of requests) expect(took).toBeGreaterThanOrEqual(0);
  });

  test('shows runs as they come, and each of them, without a reload, a message or anything serious for axe', async () => {
    const { origin, visit, tab } = await open();
    await tab.go(`${origin}/_mashup/`);
    await tab.loaded();
    await tab.until("document.getElementById('live').textContent.includes('by themselves')");
    for (let count = 1; count <= 10; count++) await visit(`/${count}`);
    await tab.until("document.querySelectorAll('#runs tr').length === 10");
    expect(await tab.text('#runs tr')).toContain('GET /10');
    expect(await tab.evaluate("document.querySelector('.empty')")).toBeNull();
    expect(await seriousIn(tab)).toEqual([]);
    await tab.evaluate("document.querySelector('#runs a').click()");
    await tab.until("document.querySelector('h1')?.textContent === 'GET /10'");
    const text = await tab.text();
    expect(text).toMatch(/What would help/);
    expect(text).toMatch(/ERR_UPSTREAM_STATUS/);
    await tab.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true })");
    expect(await tab.text()).toContain('Started after user');
    expect(await seriousIn(tab)).toEqual([]);
    await tab.go(`${origin}/_mashup/health`);
    await tab.loaded();
    expect(await seriousIn(tab)).toEqual([]);
    expect(tab.messages).toEqual([]);
  });

  test.each([
    ['dark', 320],
    ['light', 320],
    ['dark', 1600],
  ])('reads well in %s, %d pixels wide', async (scheme, width) => {
    const { origin, visit, tab } = await open();
    await visit('/1');
    await tab.send('Emulation.setDeviceMetricsOverride', { width, height: 800, deviceScaleFactor: 1, mobile: false });
    await tab.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    for (const path of ['/', '/runs/1', '/health']) {
      await tab.go(`${origin}/_mashup${path}`);
      await tab.loaded();
      expect(await seriousIn(tab)).toEqual([]);
      expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    }
  });

  test('can be read without scripts', async () => {
    const { origin, visit, tab } = await open();
    await visit('/1');
    await tab.send('Emulation.setScriptExecutionDisabled', { value: true });
    await tab.go(`${origin}/_mashup/`);
    await tab.loaded();
    expect(await tab.text('#runs')).toContain('GET /1');
  });
});
