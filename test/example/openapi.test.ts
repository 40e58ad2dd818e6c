import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import request from 'supertest';
import { serviceApp } from '../../example-app/services/index.js';
import { run } from '../package/package.js';

interface Document {
  components: object & { schemas: { Country: object } };
}

const app = serviceApp('countries', 0);

async function served(): Promise<Document> {
  return (await request(app).get('/openapi.json').expect(200)).body as Document;
}

test('the service of countries answers as its OpenAPI document says', async () => {
  const { components } = await served();
  const isCountry = new Ajv2020({ strict: false }).compile({ $ref: '#/components/schemas/Country', components });
  for (const code of ['NO', 'AQ', 'XK', 'USA', 'VAT']) {
    const { body } = await request(app).get(`/countries/${code}`).expect(200);
    expect([code, isCountry(body) ? null : isCountry.errors]).toEqual([code, null]);
  }
});

test('the types of the example are made of that document', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mashup-openapi-'));
  try {
    const project = join(folder, 'project');
    await mkdir(project);
    await writeFile(join(project, 'package.json'), '{ "private": true }');
    await writeFile(join(project, 'openapi.json'), JSON.stringify(await served()));
    const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
    await run('npm', ['install', ...quick, 'openapi-typescript@7.13.0', 'typescript@5.9'], project);
    const command = join(project, 'node_modules/openapi-typescript/bin/cli.js');
    await run(process.execPath, [command, 'openapi.json', '-o', 'api.d.ts'], project);
    const committed = fileURLToPath(new URL('../../example-app/types/countries-api.d.ts', import.meta.url));
    expect(await readFile(join(project, 'api.d.ts'), 'utf8')).toBe(await readFile(committed, 'utf8'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
