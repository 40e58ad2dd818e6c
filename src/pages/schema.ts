import type { Check, JsonSchema } from '../config/checks.js';
import { pageChecks, usableName } from '../config/page.js';
import { headerValue, upstreamChecks } from '../config/upstream.js';

/** Options that may be a function, by its name in a file. */
export const functionOptions: ReadonlySet<string> = new Set([
  ...['url', 'headers', 'params', 'data', 'when', 'each', 'fallback', 'transformResponse', 'validateStatus'],
  ...['serverTiming', 'onFailure'],
]);

const functionRef = { $ref: '#/$defs/function' };
const envRef = { $ref: '#/$defs/env' };
/** An object with this key is a name for something else. */
const aFunctionName = { required: ['$function'] };
const aVariableName = { required: ['$env'], maxProperties: 1, properties: { $env: { type: 'string' } } };
const unnamed = { not: { type: 'object', anyOf: [aFunctionName, aVariableName] } };
const unnamedHeaders = { not: { anyOf: [aFunctionName, { required: ['$env'] }] } };

function withFunctions(checks: Readonly<Record<string, Check>>): Record<string, JsonSchema> {
  const found: Record<string, JsonSchema> = {};
  for (const [name, { schema }] of Object.entries(checks)) {
    const own =
      name === 'headers'
        ? { type: 'object', additionalProperties: { anyOf: [headerValue, envRef] }, ...unnamedHeaders }
        : schema;
    // Anything includes what is meant as a function.
    const isAnything = own !== undefined && Object.keys(own).length === 0;
    const all: JsonSchema[] = own === undefined ? [] : [isAnything || name === 'params' ? { ...own, ...unnamed } : own];
    if (functionOptions.has(name)) all.push(functionRef);
    if (all.length > 0) found[name] = all.length === 1 ? (all[0] as JsonSchema) : { anyOf: all };
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

/** How a file says when an upstream is called. */
export const conditionPath = /^[\w-]+(?:\.[\w-]+)*$/;

/** How a file calls a page. */
export const pageKey = /^(?:([A-Z]+) )?(\/\S*)$/;

/** A page has a view, or is JSON; some options have a meaning only beside a view. */
const answered = {
  required: ['upstreams'],
  oneOf: [{ required: ['view'] }, { required: ['json'] }],
  dependentRequired: { late: ['view'], wait: ['late'], locals: ['view'] },
};

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
        {
          type: 'string',
          pattern: conditionPath.source,
          description: 'A path such as params.id or user.premium: not called where it is empty.',
        },
        functionRef,
      ],
    },
  });
  const entry = (more: JsonSchema) => ({ anyOf: [{ type: 'string' }, { $ref: '#/$defs/upstream', ...more }] });
  const own = entry({ anyOf: [{ required: ['url'] }, { required: ['use'] }] });
  const ofAll = { properties: { use: false } };
  const page = {
    upstreams: {
      type: 'object',
      additionalProperties: own,
      minProperties: 1,
      propertyNames: { pattern: usableName.source },
    },
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
          origins: {
            type: 'object',
            additionalProperties: { $ref: '#/$defs/upstream', properties: { use: false, url: false } },
            propertyNames: { pattern: '^https?://[^/?#@]+$' },
          },
        }),
        upstreams: { type: 'object', additionalProperties: entry(ofAll) },
        pages: {
          type: 'object',
          additionalProperties: object(page, answered),
          propertyNames: { pattern: pageKey.source },
          minProperties: 1,
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
