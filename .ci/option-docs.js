// What the sources say of each option, for the descriptions in the JSON Schema: the types have the only text there is.
import { readFile } from 'node:fs/promises';

/** The interface of each option that has options of its own. */
const nested = {
  retry: 'RetryOptions',
  breaker: 'BreakerOptions',
  quota: 'QuotaOptions',
  cache: 'CacheOptions',
  pageCache: 'PageCacheOptions',
};

/** The schema of a file of pages, with a description of each option. */
export async function described(given) {
  // Options of one kind are one object in it.
  const schema = JSON.parse(JSON.stringify(given));
  const source = (await readFile('src/types.ts', 'utf8')) + (await readFile('src/cache-types.ts', 'utf8'));
  const page = schema.properties.pages.additionalProperties.properties;
  describe(schema.$defs.upstream.properties, docsOf(source, 'UpstreamOptions'), source);
  for (const properties of [page, schema.properties.defaults.properties.page.properties]) {
    describe(properties, docsOf(source, 'PageOptions'), source);
  }
  return schema;
}

function describe(properties, docs, source) {
  for (const [name, option] of Object.entries(properties)) {
    option.description ??= docs.get(name);
    const parts = [option, ...(option.anyOf ?? [])].filter((one) => one.properties !== undefined);
    if (name in nested) for (const one of parts) describe(one.properties, docsOf(source, nested[name]), source);
  }
}

/** The comment of each member of an interface, as one text. */
function docsOf(source, name) {
  const [, body = ''] = new RegExp(`^export interface ${name} {\\n([\\s\\S]*?)^}`, 'm').exec(source) ?? [];
  const members = body.matchAll(
    /^ {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n(?: {2}\/\/.*\n)*(?: {2}readonly)? +(\w+)\??:/gm,
  );
  return new Map([...members].map(([, comment, member]) => [member, textOf(comment)]));
}

function textOf(comment) {
  return comment
    .replace(/^\s*\* ?/gm, '')
    .replace(/\s+/g, ' ')
    .replace(/\{@link (\w+)\}/g, '$1')
    .replace(/ ?@default ([^@]*?) *(?=@|$)/, ' Default: $1.')
    .replace(/ ?@example /, ' For example: ')
    .replace(/\.\.$/, '.')
    .trim();
}
