import { parse, print } from '@0no-co/graphql.web';
import { given } from '../config/checks.js';
import { ConfigError } from '../errors.js';
import { isPlainObject } from '../plain.js';
import { shown } from '../shown.js';
import type { StandardSchema } from '../standard-schema.js';
import type { Awaitable, Context } from '../types.js';
import { answerSchema } from './graphql-answer.js';
import type { Checked, GivenVariables, Inferred } from './variables.js';

/**
 * A query or a mutation: its text, or what a code generator or `gql` makes of it, which has the types of its data and variables
 * (TypedDocumentNode, TypedDocumentString, gql.tada).
 */
export type GraphqlDocument<Result, Variables> = (string | InstanceType<typeof String> | { readonly kind: string }) & {
  /** Only for the compiler. */
  readonly __apiType?: (variables: Variables) => Result;
};

/** An upstream that asks one document. Further options are put beside it: `{ ...graphql(…), required: true }`. */
export interface GraphqlUpstream<Result> {
  readonly url: string;
  readonly method: 'POST';
  readonly safe: boolean;
  readonly headers: { readonly accept: string };
  // biome-ignore lint/suspicious/noExplicitAny: as `data` of UpstreamOptions
  readonly data: object | ((context: Context) => any);
  readonly schema: StandardSchema<unknown, Result>;
}

/**
 * An upstream that sends a GraphQL document by POST (GraphQL over HTTP) and whose data is the `data` of the response. A query is
 * `safe`: retry, hedge, coalesce and cache treat it as a GET; a mutation is not. Errors beside data make the outcome `partial`, with
 * ERR_UPSTREAM_GRAPHQL; without data it is a failure of that code.
 *
 * @param url where the API is
 * @param variables an object, or a function of the context that gives one
 * @throws {ConfigError} if the document is not one of one query or mutation
 * @example
 * mashup({ user: graphql('https://api.example.com/graphql', UserQuery, ({ params }) => ({ id: String(params.id) })) });
 */
export function graphql<
  Result = unknown,
  Variables = Record<string, unknown>,
  Given extends GivenVariables = GivenVariables,
>(
  url: string,
  document: GraphqlDocument<Result, Variables>,
  ...variables: Given & Checked<Inferred<Variables>, Given>
): GraphqlUpstream<Result>;
export function graphql(
  url: string,
  document: unknown,
  variables?: object | ((context: Context) => Awaitable<object>),
): GraphqlUpstream<unknown> {
  const { query, operationName, isMutation } = readDocument(document);
  const operation = { query, ...(operationName !== undefined && { operationName }) };
  const body = (values: unknown) => (values === undefined ? operation : { ...operation, variables: values });
  return {
    url,
    method: 'POST',
    safe: !isMutation,
    headers: { accept: 'application/graphql-response+json, application/json;q=0.9' },
    data: typeof variables === 'function' ? async (context) => body(await variables(context)) : body(variables),
    schema: answerSchema,
  };
}

interface Operation {
  readonly query: string;
  readonly operationName: string | undefined;
  readonly isMutation: boolean;
}

/** The text of a document and what it does. */
function readDocument(document: unknown): Operation {
  const query = textOf(document);
  const operations = definitionsOf(query).flatMap((one) => (one.kind === 'OperationDefinition' ? [one] : []));
  const [operation] = operations;
  if (operation === undefined || operations.length > 1) {
    throw wrong(`expected one operation, but it has ${operations.length}`);
  }
  if (operation.operation === 'subscription') throw wrong('expected a query or a mutation, but it is a subscription');
  return { query, operationName: operation.name?.value, isMutation: operation.operation === 'mutation' };
}

function textOf(document: unknown): string {
  if (typeof document === 'string' || document instanceof String) return String(document);
  if (!isPlainObject(document) || document['kind'] !== 'Document') {
    throw wrong(`expected a query or a mutation, as text or parsed, but was given ${given(document)}`);
  }
  try {
    return print(document as unknown as Parameters<typeof print>[0]);
  } catch (cause) {
    throw wrong(`cannot be printed: ${(cause as Error).message}`);
  }
}

function definitionsOf(query: string): ReturnType<typeof parse>['definitions'] {
  try {
    return parse(withoutText(query), { noLocation: true }).definitions;
  } catch (cause) {
    throw wrong((cause as Error).message);
  }
}

/** The parser does not know all that may stand in a string, and nothing here depends on it. As long as before, for its messages. */
function withoutText(query: string): string {
  return query.replace(/#[^\n\r]*|"""(?:\\"""|[\s\S])*?"""|"(?:\\.|[^"\\\n\r])*"/g, (found) =>
    found.startsWith('#') ? found : `"${' '.repeat(found.length - 2)}"`,
  );
}

function wrong(message: string): ConfigError {
  return new ConfigError([{ path: 'document', message: shown(message, 200) }]);
}
