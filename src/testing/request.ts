import type { WireRequest } from '../transport/wire.js';

/** A request that was sent to a mocked upstream. It shows all that was sent, secrets included. */
export interface MockedRequest {
  /** The name of the upstream. */
  readonly upstream: string;
  readonly method: string;
  /** The whole URL. */
  readonly url: string;
  /** What stood for `{id}` where the mock is for a URL; else empty. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What JSON says where that was sent; else text or a Buffer; null where there was none. */
  readonly body: unknown;
}

export function requestOf(upstream: string, request: WireRequest, params: MockedRequest['params']): MockedRequest {
  const { method, origin, path } = request;
  const headers: Record<string, string> = {};
  for (let at = 0; at + 1 < request.headers.length; at += 2) {
    const name = (request.headers[at] as string).toLowerCase();
    const value = request.headers[at + 1] as string;
    headers[name] = Object.hasOwn(headers, name) ? `${headers[name]}, ${value}` : value;
  }
  const url = origin + path;
  return { upstream, method, url, params, query: queryOf(url), headers, body: bodyOf(request, headers) };
}

function queryOf(url: string): Record<string, string | string[]> {
  const { searchParams } = new URL(url);
  const names = [...new Set(searchParams.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const all = searchParams.getAll(name);
      return [name, all.length === 1 ? (all[0] as string) : all];
    }),
  );
}

function bodyOf({ body }: WireRequest, headers: Record<string, string>): unknown {
  if (body === null || !/\bjson\b/i.test(headers['content-type'] ?? '')) return body;
  try {
    return JSON.parse(String(body));
  } catch {
    return body;
  }
}

/** A URL with `{id}` for segments of the path and for values of the query, and a method before it. */
export interface Pattern {
  /** What it stands for; null if the request is another. A query that the pattern does not name is not looked at. */
  match(request: WireRequest): Record<string, string> | null;
}

/** The pattern of a mock's key; null for the name of an upstream; or what is wrong with it. */
export function readPattern(key: string): Pattern | null | string {
  if (!/[ :/]/.test(key)) return null;
  const [, method, start, path = '', query = ''] =
    /^([A-Z]+) (https?:\/\/[^/?#{}]+)([^?#]*)(?:\?(.*))?$/.exec(key) ?? [];
  if (method === undefined || start === undefined || !URL.canParse(start)) {
    return "neither the name of an upstream nor a method and a URL, such as 'GET https://users.example.com/users/{id}'";
  }
  const { origin } = new URL(start);
  const inPath = matcher(path === '' ? '/' : path, '[^/?]+');
  const inQuery = query === '' ? [] : query.split('&').map((pair) => pair.split('=') as [string, string?]);
  const values = inQuery.map(([name, value = '']) => [name, matcher(value, '.*')] as const);
  return {
    match(request: WireRequest) {
      if (request.method !== method || request.origin !== origin) return null;
      const [sentPath = '', sentQuery = ''] = request.path.split(/\?(.*)/s);
      const sent = new URLSearchParams(sentQuery);
      const found = [inPath(sentPath), ...values.map(([name, match]) => match(sent.get(name)))];
      return found.includes(null) ? null : Object.assign({}, ...found);
    },
  };
}

type Matcher = (text: string | null) => Record<string, string> | null;

function matcher(pattern: string, anything: string): Matcher {
  const names: string[] = [];
  const source = pattern.replace(/\{(\w+)\}|[^\w{}]|[{}]/g, (part, name?: string) => {
    if (name === undefined) return `\\u{${part.codePointAt(0)?.toString(16)}}`;
    names.push(name);
    return `(${anything})`;
  });
  const expression = new RegExp(`^${source}$`, 'su');
  return (text) => {
    const found = text === null ? null : expression.exec(text);
    return found && Object.fromEntries(names.map((name, at) => [name, decoded(found[at + 1] as string)]));
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
