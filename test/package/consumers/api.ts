// Upstreams typed by an OpenAPI document and by a GraphQL document.
import { type MashupLocals, mashup } from 'express-mashup';
import { graphql, openapi } from 'express-mashup/openapi';

export interface paths {
  '/users/{id}': {
    parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
    get: {
      parameters: { query?: { lang?: string }; header?: never; path: { id: string }; cookie?: never };
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': { name: string } } };
        404: { headers: { [name: string]: unknown }; content?: never };
      };
    };
    put?: never;
  };
}

export interface UserQuery {
  kind: 'Document';
  definitions: readonly unknown[];
  __apiType?: (variables: { id: string; first?: number | null }) => { user: { name: string } };
}

export const api = openapi<paths>('https://users.example.com');
const query = JSON.parse('{ "kind": "Document", "definitions": [] }') as UserQuery;

export function make() {
  return mashup({
    rest: { ...api('/users/{params.id}{?query.lang}'), required: true },
    user: {
      ...graphql('https://users.example.com/graphql', query, ({ params }) => ({ id: String(params['id']) })),
      required: true,
    },
    other: graphql('https://users.example.com/graphql', query, { id: '7', first: 3 }),
  });
}

export function names(locals: MashupLocals<ReturnType<typeof make>>): [string, string, string | undefined] {
  return [locals.rest.name, locals.user.user.name, locals.other?.user.name];
}
