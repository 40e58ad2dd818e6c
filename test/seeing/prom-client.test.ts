import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, temporaryDirectory } from '../package/package.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

test('the recipe for prom-client measures calls', async () => {
  const directory = await temporaryDirectory();
  try {
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
    const [, recipe = ''] =
      /```js\n(import \{ subscribe \}.*?)```/s.exec(await readFile(join(root, 'docs/observing.md'), 'utf8')) ?? [];
    const use = `
      import { register } from 'prom-client';
      import { createServer } from 'node:http';
      const { createMashup } = await import(${JSON.stringify(join(root, 'dist/index.js'))});
      const server = createServer((req, res) => res.writeHead(req.url === '/bad' ? 500 : 200).end()).listen(0, '127.0.0.1', async () => {
        const origin = 'http://127.0.0.1:' + server.address().port;
        await createMashup()({ ok: origin, bad: origin + '/bad' }).run();
        console.log(await register.metrics());
        process.exit();
      });`;
    await writeFile(join(directory, 'recipe.mjs'), recipe + use);
    const { stdout } = await run(process.execPath, ['recipe.mjs'], directory, 20_000);
    expect(stdout).toContain('mashup_call_duration_seconds_count{upstream="ok",status="success",code=""} 1');
    expect(stdout).toContain(
      'mashup_call_duration_seconds_count{upstream="bad",status="error",code="ERR_UPSTREAM_STATUS"} 1',
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
