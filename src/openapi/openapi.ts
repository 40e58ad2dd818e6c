import type { TypedAnswer } from '../page-types.js';
import type { BodyOf, MethodOf, Problem } from './paths.js';

/** An upstream of an API. Further options are put beside it: `{ ...api('/users/{params.id}'), required: true }`. */
export type OpenApiUpstream<T, Method extends string> = TypedAnswer<T> & {
  readonly url: string;
  readonly method: Method;
};

/**
 * Makes upstreams of one API. A template belongs to the path of the API that has the same literal segments, and a variable or a
 * value wherever that has a parameter. Its data has the type of the body of a 200 (without one, that of the other 2xx), of JSON
 * where there are several content types.
 *
 * @param template path and query of the URL, as in `url`
 * @param method @default 'get'
 */
export type OpenApi<Paths> = <const T extends string, const M extends MethodOf<Paths> = 'get' & MethodOf<Paths>>(
  template: [Problem<Paths, T, M>] extends [never] ? T : Problem<Paths, T, M>,
  method?: M,
) => OpenApiUpstream<BodyOf<Paths, T, M>, Uppercase<M>>;

/**
 * Upstreams of an API that an OpenAPI document describes, typed by what the package openapi-typescript (6 or 7) makes of it. All of it
 * is for the compiler: when it runs, it joins two strings. What an upstream really answers is checked by a `schema` alone.
 *
 * @param base what all URLs of the API begin with
 * @example
 * const users = openapi<paths>('https://users.example.com');
 * mashup({ user: { ...users('/users/{params.id}{?query.lang}'), required: true } });
 */
export function openapi<Paths>(base: string): OpenApi<Paths> {
  const start = String(base).replace(/\/+$/, '');
  const make = (template: string, method = 'get') => ({ url: `${start}${template}`, method: method.toUpperCase() });
  return make as unknown as OpenApi<Paths>;
}
