import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { compileUrl, UrlError } from '../../src/template/url-template.js';

const page = fileURLToPath(new URL('../../docs/templates.md', import.meta.url));

function expand(template: string, sources: Record<string, unknown>): string {
  try {
    return compileUrl(`https://h${template}`).expand((source) => sources[source]);
  } catch (error) {
    if (error instanceof UrlError) return `refused: ${error.message}`;
    throw error;
  }
}

test('docs/templates.md: the table of what is missing says what is sent, and what is refused', async () => {
  const [, section = ''] = (await readFile(page, 'utf8')).split('## What is missing');
  expect(section).toContain(
    'With `user` = `{ id: 7, city: null, tags: [], about: { a: 1, b: null } }` and no `?…` from the client',
  );
  const sources = { user: { id: 7, city: null, tags: [], about: { a: 1, b: null } }, query: {} };
  const rows = [
    ...(section.split('\n## ')[0] ?? '').matchAll(/^\| `(\/[^`]*)` +\| (refused: |sent as )(`.*\S) +\|$/gm),
  ];
  expect(rows).toHaveLength(10);
  for (const [, template = '', refused, expected = ''] of rows) {
    const given = expand(template, sources);
    if (refused === 'sent as ') expect([template, `\`${given}\``]).toEqual([template, expected]);
    else expect(`${template} ${given}`).toContain(`${template} refused: ${expected.replaceAll('`', '')}`);
  }
});

test('docs/templates.md: values are sent and refused as the table of values says', async () => {
  const text = await readFile(page, 'utf8');
  const row = (template: string, value: string) =>
    expect(text).toMatch(
      new RegExp(`^\\| ${template === '' ? ' +' : `\`${quoted(template)}\``} +\\| .*${quoted(value)}`, 'm'),
    );
  const check = (template: string, written: string, sources: Record<string, unknown>, expected: string) => {
    row(template, written);
    expect(`${template} ${written} ${expand(template, sources)}`).toContain(`${template} ${written} ${expected}`);
  };
  check('/users/{params.id}', '`a b/c`', { params: { id: 'a b/c' } }, '/users/a%20b%2Fc');
  check('/users/{query.id}', '`?id=1&id=2`', { query: { id: ['1', '2'] } }, 'refused: {query.id} is not text');
  check('/s{?query.q}', '`?q=1&q=2`', { query: { q: ['1', '2'] } }, '/s?q=1,2');
  check('/s?q={+query.q}', '`?q=1%26admin=1`', { query: { q: '1&admin=1' } }, 'refused: {query.q} has a &');
  check('/f/{+query.path}', '`a/b`', { query: { path: 'a/b' } }, '/f/a/b');
  check(
    '/users/{user.id}',
    '9007199254740993',
    { user: JSON.parse('{"id":9007199254740993}') },
    'refused: {user.id} is an integer',
  );
  check(
    '{/user.tags*}',
    'a list with an empty',
    { user: { tags: ['a', ''] } },
    'refused: {user.tags} has a missing or empty',
  );
});

function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
