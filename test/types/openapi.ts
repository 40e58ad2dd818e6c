// How entries are typed by an OpenAPI document and by a GraphQL document.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { expectTypeOf } from 'expect-type';
import { type MashupLocals, mashup } from '../../src/index.js';
import { graphql, openapi } from '../../src/openapi/index.js';
import type { paths } from './paths.js';

interface User {
  id: string;
  name: string;
}

const api = openapi<paths>('https://a.example.com/v1');

const rest = mashup({
  required: { ...api('/users/{params.id}{?query.lang}'), required: true },
  optional: api('/users/{params.id}'),
  fallback: { ...api('/users/{params.id}'), fallback: { anonymous: true } },
  deferred: { ...api('/users/{params.id}'), defer: true },
  each: { ...api('/users/{item}'), each: 'list', required: true },
  conditional: { ...api('/users/{params.id}'), required: true, when: () => true },
  // A value where the API has a parameter, but a path of its own first.
  value: api('/users/7'),
  me: api('/users/me'),
  list: api('/users?limit=3&tenant={params.tenant}'),
  encoded: api('/users/{params.id}?page%5Bsize%5D={query.size}'),
  modified: api('/users{/params.id:3}{?query.lang?}'),
  several: api('/files/{params.name}.{params.type}/text'),
  made: api('/users', 'post'),
  gone: api('/users/{params.id}', 'delete'),
  picture: api('/pictures/{params.id}'),
  job: api('/jobs/{params.id}'),
  started: api('/jobs/{params.id}', 'post'),
  moved: api('/jobs/{params.id}', 'put'),
});
type Rest = MashupLocals<typeof rest>;
expectTypeOf<Rest['required']>().toEqualTypeOf<User>();
expectTypeOf<Rest['optional']>().toEqualTypeOf<User | null>();
expectTypeOf<Rest['fallback']>().toEqualTypeOf<User | { readonly anonymous: true }>();
expectTypeOf<Rest['deferred']>().toEqualTypeOf<Promise<User | null>>();
expectTypeOf<Rest['each']>().toEqualTypeOf<(User | null)[]>();
expectTypeOf<Rest['conditional']>().toEqualTypeOf<User | null>();
expectTypeOf<Rest['value']>().toEqualTypeOf<User | null>();
expectTypeOf<Rest['me']>().toEqualTypeOf<{ me: true } | null>();
expectTypeOf<Rest['list']>().toEqualTypeOf<{ id: string }[] | null>();
expectTypeOf<Rest['encoded']>().toEqualTypeOf<User | null>();
expectTypeOf<Rest['modified']>().toEqualTypeOf<User | null>();
expectTypeOf<Rest['several']>().toEqualTypeOf<string | null>();
expectTypeOf<Rest['made']>().toEqualTypeOf<{ id: string } | null>();
expectTypeOf<Rest['gone']>().toEqualTypeOf<null>();
expectTypeOf<Rest['picture']>().toEqualTypeOf<unknown>();
expectTypeOf<Rest['job']>().toEqualTypeOf<{ state: string } | null>();
expectTypeOf<Rest['started']>().toEqualTypeOf<{ id: number } | null>();
expectTypeOf<Rest['moved']>().toEqualTypeOf<unknown>();

// @ts-expect-error: no such path
api('/userz/{params.id}');
// @ts-expect-error: a segment too many
api('/users/{params.id}/friends');
// @ts-expect-error: an empty segment is no value
api('/users/');
// @ts-expect-error: no such query parameter, in an expression
api('/users{?query.limt}');
// @ts-expect-error: it has no query parameters, nor has its path
api('/users/{params.id}{?query.id}', 'delete');
// @ts-expect-error: no such query parameter, in the text
api('/users?limt=3');
// @ts-expect-error: the path has no such method
api('/users/{params.id}', 'put');
// @ts-expect-error: the API has no such method
api('/users/{params.id}', 'patch');
// @ts-expect-error: an option that is none
mashup({ user: { ...api('/users/7'), requird: true } });

declare const UserQuery: TypedDocumentNode<
  { user: User | null },
  { id: string; first?: number | null; order?: 'asc' | 'desc'; tags?: string[] }
>;
declare const NewsQuery: TypedDocumentNode<{ news: string[] }, { [key: string]: never }>;
/** As the code generator's documents that are strings. */
declare class TypedDocumentString<Result, Variables> extends String {
  __apiType?: (variables: Variables) => Result;
}
declare const TextQuery: TypedDocumentString<{ count: number }, { of: string }>;
declare const Untyped: { kind: 'Document'; definitions: readonly unknown[] };
const url = 'https://a.example.com/graphql';

const queries = mashup({
  required: { ...graphql(url, UserQuery, { id: '7' }), required: true },
  optional: graphql(url, UserQuery, { id: '7', order: 'asc', tags: ['a'] }),
  byContext: graphql(url, UserQuery, ({ params }) => ({ id: String(params['id']) })),
  later: graphql(url, UserQuery, async ({ item }) => ({ id: String(item), first: null })),
  each: { ...graphql(url, UserQuery, ({ item }) => ({ id: String(item) })), each: 'list', required: true },
  none: graphql(url, NewsQuery),
  string: graphql(url, TextQuery, { of: 'news' }),
  untyped: graphql(url, Untyped, { any: 1 }),
  text: graphql(url, '{ news }'),
  given: graphql<{ news: string[] }, { first: number }>(url, 'query ($first: Int!) { news }', { first: 3 }),
});
type Queries = MashupLocals<typeof queries>;
expectTypeOf<Queries['required']>().toEqualTypeOf<{ user: User | null }>();
expectTypeOf<Queries['optional']>().toEqualTypeOf<{ user: User | null } | null>();
expectTypeOf<Queries['byContext']>().toEqualTypeOf<{ user: User | null } | null>();
expectTypeOf<Queries['later']>().toEqualTypeOf<{ user: User | null } | null>();
expectTypeOf<Queries['each']>().toEqualTypeOf<({ user: User | null } | null)[]>();
expectTypeOf<Queries['none']>().toEqualTypeOf<{ news: string[] } | null>();
expectTypeOf<Queries['string']>().toEqualTypeOf<{ count: number } | null>();
expectTypeOf<Queries['untyped']>().toEqualTypeOf<unknown>();
expectTypeOf<Queries['text']>().toEqualTypeOf<unknown>();
expectTypeOf<Queries['given']>().toEqualTypeOf<{ news: string[] } | null>();

// @ts-expect-error: a variable is missing
graphql(url, UserQuery);
// @ts-expect-error: a variable is missing
graphql(url, UserQuery, { first: 3 });
// @ts-expect-error: a variable is missing in what a function gives
graphql(url, UserQuery, () => ({}));
// @ts-expect-error: no such variable
graphql(url, UserQuery, { id: '7', frst: 3 });
// @ts-expect-error: of another type
graphql(url, UserQuery, { id: 7 });
// @ts-expect-error: of another type, from a function
graphql(url, UserQuery, async () => ({ id: 7 }));
// @ts-expect-error: it has no variables
graphql(url, NewsQuery, { first: 3 });
// @ts-expect-error: no document
graphql(url, 3);
