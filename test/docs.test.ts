import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { helpText } from '../src/cli/help.js';
import { pageDefaults, upstreamDefaults } from '../src/config/defaults.js';
import { errorCodes } from '../src/errors.js';
import * as index from '../src/index.js';
import { compileUrl } from '../src/template/url-template.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFile(join(root, path), 'utf8');

/** Code blocks of a language. */
function blocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, code = '']) => code,
  );
}

/** The first cell of a table's row that names an option, and its last. */
function row(markdown: string, option: string): { first: string; last: string } | undefined {
  const rows = markdown.split('\n').filter((line) => line.startsWith('| '));
  const cells = rows.map((line) => line.slice(1, -1).split(/(?<!\\)\|/)).find(([cell = '']) => named(cell, option));
  return cells && { first: cells[0] as string, last: cells.at(-1) as string };
}

const named = (text: string, name: string) => new RegExp(`\`(?:[^\`]*, )?${name}\\b`).test(text);

let directory: string;

// A project that has what the examples import.
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mashup-docs-'));
  const modules = join(directory, 'node_modules');
  await mkdir(modules);
  for (const name of ['express', 'zod', 'axios', 'undici', '@types', 'undici-types']) {
    await symlink(join(root, 'node_modules', name), join(modules, name));
  }
  await symlink(root, join(modules, 'express-mashup'));
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
});

afterAll(() => rm(directory, { recursive: true, force: true }));

describe('the documentation', () => {
  test('has a README that can be read to the end', async () => {
    const readme = await read('README.md');
    expect(readme.split('\n').length).toBeLessThanOrEqual(300);
    expect(readme.split(/\s+/).length).toBeLessThanOrEqual(1800);
  });

  test('names everything that is exported in the README', async () => {
    const readme = await read('README.md');
    expect(Object.keys(index).filter((name) => !named(readme, name) && !readme.includes(`${name}(`))).toEqual([]);
  });

  test.each(['PageOptions', 'UpstreamOptions', 'Settings'])('has a row for every option of %s', async (type) => {
    const [, body = ''] =
      new RegExp(`^export interface ${type} {\\n([\\s\\S]*?)^}`, 'm').exec(
        (await read('src/types.ts')) + (await read('src/settings-types.ts')),
      ) ?? [];
    const options = [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, name = '']) => name);
    expect(options).not.toEqual([]);
    const readme = await read('docs/options.md');
    expect(options.filter((name) => row(readme, name) === undefined)).toEqual([]);
  });

  test('says the defaults that hold', async () => {
    const readme = await read('docs/options.md');
    for (const [option, value] of Object.entries({ ...pageDefaults, ...upstreamDefaults })) {
      if (typeof value !== 'string' && typeof value !== 'number') continue;
      const literal = typeof value === 'string' ? `'${value}'` : String(value);
      expect(`${option}: ${row(readme, option)?.last}`).toContain(`\`${literal}\``);
    }
  });

  test('has the options of the command', async () => {
    const flags = new Set(helpText.match(/(?<=\s)--[a-z]+/g));
    for (const flag of ['--help', '--version']) flags.delete(flag);
    const readme = await read('docs/command.md');
    expect([...flags].filter((flag) => row(readme, `(?:-\\w\`, \`)?${flag}`) === undefined)).toEqual([]);
  });

  test('has a quick start in the README that runs as it is', async () => {
    const [code = ''] = blocks(await read('README.md'), 'js');
    const port = await freePort();
    await writeFile(
      join(directory, 'server.mjs'),
      code.replaceAll('3000/', `${port}/`).replace('listen(3000)', `listen(${port}, () => console.log())`),
    );
    const server = spawn(process.execPath, ['server.mjs'], { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await Promise.race([once(server.stdout, 'data'), once(server, 'exit')]);
      const answer = await fetch(`http://127.0.0.1:${port}/users/7?city=Oslo`, { headers: { connection: 'close' } });
      expect(await read('README.md')).toContain(`\n${await answer.text()}\n`);
      expect(answer.headers.get('server-timing')).toMatch(
        /^mashup;dur=.*, weather;dur=3\d\d\.\d;desc="fallback ERR_UPSTREAM_TIMEOUT"$/,
      );
    } finally {
      if (server.kill()) await once(server, 'exit');
    }
  });
});

// What the examples use and do not say.
const expressTypes = "import type { NextFunction, Request, RequestHandler, Response } from 'express';\n";
const globals = `
import type * as Express from 'express';
import type * as Mashup from 'express-mashup';
declare global {
  type MashupLocals<P> = Mashup.MashupLocals<P>;
  interface User { id: string; name: string }
  type Weather = { temp: number };
  type Exactly<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
  const app: { use(handler: Express.ErrorRequestHandler): unknown } & Express.Express;
  const log: Console;
  const express: typeof import('express').default;
  const [showMe, showNews, requireLogin]: Express.RequestHandler[] & [Express.RequestHandler, Express.RequestHandler, Express.RequestHandler];
  const { mashup, createMashup, upstream, multiGet, isUpstreamError }: typeof Mashup;
  const { redisStore }: typeof import('express-mashup/redis');
  const { z }: typeof import('zod');
  const Weather: import('zod').ZodType<Weather>;
  const axios: typeof import('axios').default;
  const { Agent, MockAgent, ProxyAgent }: typeof import('undici');
  const { readFile }: typeof import('node:fs/promises');
  function getToken(): Promise<string>;
}`;

// What a tool makes of an OpenAPI document.
const usersApi = `
export interface paths {
  '/users/{id}': {
    get: {
      parameters: { query?: { lang?: string }; path: { id: string } };
      responses: { 200: { content: { 'application/json': { id: string; name: string; friendIds: string[] } } } };
    };
  };
}`;

test('examples in TypeScript compile, and what they say of types is so', async () => {
  const files = [
    'README.md',
    ...(await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
  ];
  await writeFile(join(directory, 'globals.d.ts'), globals);
  await writeFile(join(directory, 'users-api.d.ts'), usersApi);
  for (const file of files) {
    for (const [at, code] of blocks(await read(file), 'ts').entries()) {
      const checked = code.replace(/^( *)(res\.locals\.\w+); \/\/ (.+)$/gm, '$1true satisfies Exactly<$3, typeof $2>;');
      await writeFile(join(directory, `${file.replaceAll(/\W/g, '-')}-${at + 1}.ts`), expressTypes + checked);
    }
  }
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    moduleDetection: 'force',
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  };
  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const compiler = spawn(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = (await compiler.stdout.setEncoding('utf8').toArray()).join('');
  expect(output).toBe('');
});

test('docs/templates.md: the table of operators says what is sent', async () => {
  const values: Record<string, unknown> = { params: { id: '7' }, query: { q: 'a&b' }, user: { tags: ['a', 'b'] } };
  const rows = [...(await read('docs/templates.md')).matchAll(/^\| `(\/[^`]*\{[^`]*)` +\| `(\/[^`]*)` +\|/gm)];
  expect(rows.length).toBeGreaterThan(6);
  for (const [, template = '', expected] of rows) {
    expect([template, compileUrl(`http://host${template}`).expand((source) => values[source])]).toEqual([
      template,
      expected,
    ]);
  }
});

test('every error code that the docs name is one', async () => {
  const others = [
    'templates',
    'security',
    'express',
    'axios',
    'failures',
    'options',
    'upstreams',
    'streaming',
    'observing',
    'recipes',
    'typed-apis',
  ];
  for (const file of ['README.md', ...others.map((name) => `docs/${name}.md`)]) {
    const named = (await read(file)).match(/ERR_UPSTREAM_[A-Z_]+\b(?!_)/g) ?? [];
    expect(named.filter((code) => !(errorCodes as readonly string[]).includes(code))).toEqual([]);
  }
});

describe('links', () => {
  const pages = [
    'README.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'CONTRIBUTING.md',
    'example-app/README.md',
    'test/bench/README.md',
  ];
  let sources: RegExp;

  beforeAll(async () => {
    const { repository } = JSON.parse(await read('package.json')) as { repository: { url: string } };
    const [, owner = ''] = /^git\+https:\/\/github\.com\/(.+)\.git$/.exec(repository.url) ?? [];
    sources = new RegExp(`^https://(github\\.com/${owner}/blob|raw\\.githubusercontent\\.com/${owner})/main/`);
    const docs = await readdir(join(root, 'docs'));
    pages.push(...docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`));
  });

  /** The links of a page, and the paths from the project's root to what they lead to; null for other sites. */
  async function linksOf(page: string): Promise<{ link: string; path: string | null; anchor: string | undefined }[]> {
    const text = (await read(page)).replace(/^```[\s\S]*?^```/gm, '');
    return [...text.matchAll(/(?:\]\(|(?:href|src)="|^\[[^\]]+\]: )([^)"\s]+)/gm)].map(([, link = '']) => {
      const [to = '', anchor] = link.split('#');
      if (sources.test(to)) return { link, path: to.replace(sources, ''), anchor };
      if (/^https?:/.test(to)) return { link, path: null, anchor };
      return { link, path: to === '' ? page : join(dirname(page), to), anchor };
    });
  }

  test('lead somewhere', async () => {
    const broken: string[] = [];
    for (const page of pages) {
      for (const { link, path, anchor } of await linksOf(page)) {
        if (path === null) continue;
        const isThere = existsSync(join(root, path)) && (anchor === undefined || anchors(await read(path)).has(anchor));
        if (!isThere) broken.push(`${page}: ${link}`);
      }
    }
    expect(broken).toEqual([]);
  });

  test('of pages that are shown without the others name the whole address', async () => {
    for (const page of ['README.md', 'CHANGELOG.md']) {
      const links = (await linksOf(page)).map(({ link }) => link);
      expect(links.filter((link) => !/^(#|https:)/.test(link))).toEqual([]);
    }
    const links = (await linksOf('README.md')).filter(({ path }) => path?.startsWith('docs/'));
    expect(links.length).toBeGreaterThan(6);
  });

  test('of the others are relative, so that they lead to files of the same version', async () => {
    for (const page of pages) {
      if (page === 'README.md' || page === 'CHANGELOG.md') continue;
      expect((await linksOf(page)).filter(({ link }) => sources.test(link))).toEqual([]);
    }
  });

  test('that the README names have an address, and each address is used', async () => {
    const text = (await read('README.md')).replace(/^```[\s\S]*?^```/gm, '');
    const defined = [...text.matchAll(/^\[([^\]]+)\]: /gm)].map(([, name]) => name);
    const prose = text.replace(/^\[[^\]]+\]: .*$/gm, '').replace(/`[^`\n]*`/g, '');
    const used = [...prose.matchAll(/\[([^\][]*)\](?:\[([^\][]+)\])?(?![(\]])/g)].map(([, text, name]) => name ?? text);
    expect([...new Set(used)].sort()).toEqual(defined.sort());
  });
});

/** What GitHub makes of headings. */
function anchors(markdown: string): Set<string> {
  const headings = [...markdown.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.+)$/gm)];
  return new Set(
    headings.map(([, text = '']) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
