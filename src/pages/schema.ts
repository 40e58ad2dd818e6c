import type { Check, JsonSchema } from '../config/checks.js';
import { pageChecks } from '../config/page.js';
import { upstreamChecks } from '../config/upstream.js';

/** Options that may be a function, by its name in a file. */
export const functionOptions: ReadonlySet<string> = new Set([
  ...['url', 'headers', 'params', 'data', 'when', 'each', 'fallback', 'transformResponse', 'validateStatus'],
  ...['serverTiming', 'onFailure'],
]);

const functionRef = { $ref: '#/$defs/function' };
const envRef = { $ref: '#/$defs/env' };
const texts = { type: 'array', items: { type: ['string', 'number'] } };
const headerValue = { anyOf: [{ type: ['string', 'number', 'boolean', 'null'] }, texts, envRef] };

function withFunctions(checks: Readonly<Record<string, Check>>): Record<string, JsonSchema> {
  const found: Record<string, JsonSchema> = {};
  for (const [name, { schema }] of Object.entries(checks)) {
    const own = name === 'headers' ? { type: 'object', additionalProperties: headerValue } : schema;
    const all: JsonSchema[] = own === undefined ? [] : [own];
    if (functionOptions.has(name)) all.push(functionRef);
    // Anything includes a function.
    if (all.some((one) => Object.keys(one).length === 0)) found[name] = {};
    else if (all.length > 0) found[name] = all.length === 1 ? (all[0] as JsonSchema) : { anyOf: all };
  }
  return found;
}

const object = (properties: Record<string, JsonSchema>, more: JsonSchema = {}): JsonSchema => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...more,
});

/** What stands beside a page's own options in a file. */
export const pageKeys = ['upstreams', 'view', 'json', 'late', 'wait', 'locals'] as const;

/** The JSON Schema of a file of pages. The options in it are those that `mashup()` checks. */
export function fileSchema(): JsonSchema {
  const upstream = object({
    use: {
      type: 'string',
      description: 'The name of an entry of `upstreams`, whose options this has where it has none of its own.',
    },
    ...withFunctions(upstreamChecks),
    schema: { type: 'string', description: 'The name of one of the schemas that the program gives.' },
    when: {
      anyOf: [
        { type: 'string', description: 'A path such as params.id or user.premium: not called where it is empty.' },
        functionRef,
      ],
    },
  });
  const entry = { anyOf: [{ type: 'string' }, { $ref: '#/$defs/upstream' }] };
  const page = {
    upstreams: { type: 'object', additionalProperties: entry, minProperties: 1 },
    ...withFunctions(pageChecks),
    view: { type: 'string', description: 'The view that is rendered.' },
    json: { const: true, description: 'The data of all upstreams is the answer.' },
    late: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'The views of what is deferred, by its name.',
    },
    wait: { type: 'string', description: 'The view of what stands there until then.' },
    locals: { type: 'object', description: 'For the views.' },
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Pages of express-mashup',
    ...object(
      {
        $schema: { type: 'string' },
        defaults: object({
          page: object(withFunctions(pageChecks)),
          origins: { type: 'object', additionalProperties: { $ref: '#/$defs/upstream' } },
        }),
        upstreams: { type: 'object', additionalProperties: entry },
        pages: {
          type: 'object',
          additionalProperties: object(page, { required: ['upstreams'] }),
          propertyNames: { pattern: '^([A-Z]+ )?/' },
        },
      },
      { required: ['pages'] },
    ),
    $defs: {
      upstream,
      function: object({ $function: { type: 'string' } }, { required: ['$function'] }),
      env: object({ $env: { type: 'string' } }, { required: ['$env'] }),
    },
  };
}
