import { createServer } from 'node:http';
import axios from 'axios';
import express5 from 'express';
import express4 from 'express4';
import { buildSchema, graphql as execute, parse } from 'graphql';
import { createMashup, explain, isConfigError, mashup as page } from '../../src/index.js';
import { inspector } from '../../src/inspector/index.js';
import { graphql } from '../../src/openapi/index.js';
import { mockUpstreams } from '../../src/testing/index.js';
import { json, listen, originOf, type Recorder, startUpstream } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { newMashup, openPage, startSite } from '../support/site.js';

const schema = buildSchema(`
  type User { id: ID!, name: String!, secret: String }
  type Query { user(id: ID!): User, users: [User!]!, strict(id: ID!): User! }
  type Mutation { rename(id: ID!, name: String!): User }
`);

const users: Record<string, { id: string; name: string }> = {
  7: { id: '7', name: 'Ada' },
  8: { id: '8', name: 'Bob' },
};

/** A real GraphQL server, over HTTP. */
async function startServer(): Promise<Recorder & { url: string }> {
  const named = (id: string) => {
    if (id === 'none') throw new Error(`no user ${id} for token-of-somebody`);
    const secret = () => {
      throw Object.assign(new Error(`${id} must not be quoted`), { extensions: { code: 'FORBIDDEN' } });
    };
    return users[id] === undefined ? null : { ...users[id], secret };
  };
  const rootValue = {
    user: ({ id }: { id: string }) => named(id),
    strict: ({ id }: { id: string }) => named(id),
    users: () => Object.values(users),
    rename: ({ id, name }: { id: string; name: string }) => ({ id, name }),
  };
  const upstream = await startUpstream(async (response, { body }) => {
    const { query, variables, operationName } = JSON.parse(String(body));
    const result = await execute({ schema, source: query, rootValue, variableValues: variables, operationName });
    const isRefused = result.data === undefined;
    response.writeHead(isRefused ? 400 : 200, { 'content-type': 'application/graphql-response+json; charset=utf-8' });
    response.end(JSON.stringify(result));
  });
  return Object.assign(upstream, { url: `${upstream.origin}/graphql` });
}

const query = 'query One($id: ID!) { user(id: $id) { id name } }';

let server: Recorder & { url: string };

beforeEach(async () => {
  server = await startServer();
});
afterEach(closeAll);

describe('what is sent', () => {
  test('is the document, its name and its variables, as JSON by POST', async () => {
    const visit = await openPage({ it: graphql(server.url, query, { id: '7' }) }, { mashup: newMashup() });
    expect((await visit()).data['it']).toEqual({ user: { id: '7', name: 'Ada' } });
    const { method, url, headers, body } = server.only;
    expect([method, url]).toEqual(['POST', '/graphql']);
    expect(headers['content-type']).toMatch(/^application\/json/);
    expect(headers.accept).toBe('application/graphql-response+json, application/json;q=0.9');
    expect(JSON.parse(String(body))).toEqual({ query, operationName: 'One', variables: { id: '7' } });
  });

  test('has neither a name nor variables where there are none', async () => {
    const { data } = await page({ it: graphql(server.url, '{ users { name } }') }).run();
    expect(data.it).toEqual({ users: [{ name: 'Ada' }, { name: 'Bob' }] });
    expect(JSON.parse(String(server.only.body))).toEqual({ query: '{ users { name } }' });
  });

  const ast = parse(`${query} fragment Names on User { name }`.replace('id name', 'id ...Names'));

  test.each<[string, object | string]>([
    ['text', query],
    ['an object that is a string, as a code generator makes it', new (class extends String {})(query)],
    ['what a parser makes, with a fragment', ast],
    ['the same as JSON', JSON.parse(JSON.stringify(ast))],
  ])('is made of %s', async (_, document) => {
    const { data } = await page({ it: graphql(server.url, document as string, { id: '7' }) }).run();
    expect(data.it).toEqual({ user: { id: '7', name: 'Ada' } });
  });

  test('has the variables that a function gives of the context, for each item', async () => {
    const mashup = newMashup();
    const entry = graphql(server.url, query, async ({ item }) => ({ id: String(item) }));
    const visit = await openPage({ them: { ...entry, each: () => ['7', '8'] } }, { mashup });
    expect((await visit()).data['them']).toEqual([
      { user: { id: '7', name: 'Ada' } },
      { user: { id: '8', name: 'Bob' } },
    ]);
  });

  test('is nothing where the function throws', async () => {
    const { outcomes } = await page({
      it: graphql(server.url, query, () => {
        throw new Error('no session');
      }),
    }).run();
    expect(outcomes.it.error?.code).toBe('ERR_UPSTREAM_HOOK');
    expect(server.sent).toEqual([]);
  });
});

describe('errors', () => {
  const withSecret = query.replace('name', 'name secret');

  test('beside data make the outcome partial, and are not quoted', async () => {
    const told: string[] = [];
    const mashup = newMashup({ onFailure: ({ name, status }) => void told.push(`${name} ${status}`) });
    const visit = await openPage({ it: graphql(server.url, withSecret, { id: '7' }) }, { mashup });
    const { data, outcomes, error } = await visit();
    expect(error).toBeNull();
    expect(data['it']).toEqual({ user: { id: '7', name: 'Ada', secret: null } });
    expect(outcomes['it']).toMatchObject({ status: 'partial', source: 'network', attempts: 1 });
    const why = outcomes['it']?.error;
    expect(why).toMatchObject({ code: 'ERR_UPSTREAM_GRAPHQL', upstreamStatus: 200, status: 502 });
    expect(why?.message).toContain('it answered with an error: FORBIDDEN at user.secret (POST ');
    expect(why?.cause).toMatchObject({ errors: [{ message: '7 must not be quoted', path: ['user', 'secret'] }] });
    expect(JSON.stringify(outcomes)).not.toContain('quoted');
    expect(told).toEqual(['it partial']);
  });

  test('without data are a failure, which a fallback replaces', async () => {
    const entry = graphql(server.url, 'query One($id: ID!) { strict(id: $id) { id name } }', { id: 'none' });
    const visit = await openPage({ it: { ...entry, fallback: { strict: null } } }, { mashup: newMashup() });
    const { data, outcomes } = await visit();
    expect(data['it']).toEqual({ strict: null });
    expect(outcomes['it']).toMatchObject({ status: 'fallback', error: { code: 'ERR_UPSTREAM_GRAPHQL' } });
    expect(outcomes['it']?.error?.message).toContain('it answered with an error: error at strict');
    expect(String(outcomes['it']?.error)).not.toContain('somebody');
  });

  test('without data end the run with 502 where the upstream is required', async () => {
    const entry = graphql(server.url, 'query One($id: ID!) { strict(id: $id) { id name } }', { id: 'none' });
    const visit = await openPage({ it: { ...entry, required: true } }, { mashup: newMashup() });
    const { error, response } = await visit();
    expect(error).toMatchObject({ code: 'ERR_UPSTREAM_GRAPHQL', upstream: 'it' });
    expect(response.status).toBe(502);
  });

  test('beside data do not fail a required upstream', async () => {
    const entry = graphql(server.url, withSecret, { id: '7' });
    const visit = await openPage({ it: { ...entry, required: true } }, { mashup: newMashup() });
    expect((await visit()).error).toBeNull();
  });

  test('of one item make a fan-out partial, and its data is all there', async () => {
    const entry = graphql(server.url, withSecret, ({ item }) => ({ id: String(item) }));
    const visit = await openPage({ them: { ...entry, each: () => ['7', 'nobody'] } }, { mashup: newMashup() });
    const { data, outcomes } = await visit();
    expect(data['them']).toEqual([{ user: { id: '7', name: 'Ada', secret: null } }, { user: null }]);
    expect(outcomes['them']).toMatchObject({ status: 'partial', error: { code: 'ERR_UPSTREAM_GRAPHQL' } });
    expect(outcomes['them']?.items?.map(({ status }) => status)).toEqual(['partial', 'success']);
  });

  test('of a document that the server refuses have its status', async () => {
    const { outcomes } = await page({ it: graphql(server.url, '{ nothing }') }).run();
    expect(outcomes.it.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 400 });
  });

  test.each<[string, unknown, string]>([
    ['a list', [], 'is no GraphQL response'],
    ['null', null, 'is no GraphQL response'],
    ['an object of something else', { user: 7 }, 'has neither data nor errors'],
    ['no data and no errors', { data: null, errors: [] }, 'has neither data nor errors'],
    ['errors that are none', { data: null, errors: 'all' }, 'has neither data nor errors'],
    [
      'many errors',
      { errors: Array(9).fill({ path: ['a', 0], extensions: { code: 'x y' } }) },
      '9 errors: error at a.0, e',
    ],
    ['a list of anything', { errors: [null, 7, {}, { path: [{}] }] }, 'it answered with 4 errors'],
    ['a path of what no text can be made of', { errors: [{ path: [{ toString: 1 }, [[]], 'a'] }] }, 'error at ?.?.a'],
    ['a path with line breaks', { errors: [{ path: ['a\nb'.repeat(200)] }] }, 'it answered with an error: error at a'],
  ])('an answer that is %s is told apart', async (_, answer, message) => {
    const { origin } = await startUpstream((response) => json(response, answer));
    const { outcomes } = await page({ it: graphql(`${origin}/`, '{ a }') }).run();
    expect(outcomes.it.error?.code).toBe('ERR_UPSTREAM_GRAPHQL');
    expect(outcomes.it.error?.message).toContain(message);
    expect(outcomes.it.error?.message).not.toContain('\n');
    expect(outcomes.it.error?.message.length).toBeLessThan(500);
  });

  test('a path that is nested 20,000 levels deep, and one of 20,000 keys, are no trouble', async () => {
    const { origin } = await startUpstream((response) => {
      const deep = '['.repeat(20_000) + ']'.repeat(20_000);
      const long = JSON.stringify(Array(20_000).fill('key'));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`{ "data": { "a": 1 }, "errors": [{ "path": ${deep} }, { "path": ${long} }] }`);
    });
    const { outcomes } = await page({ it: graphql(`${origin}/`, '{ a }') }).run();
    expect(outcomes.it).toMatchObject({ status: 'partial', data: { a: 1 }, error: { code: 'ERR_UPSTREAM_GRAPHQL' } });
  });

  test('an answer that is a page of HTML is no GraphQL response', async () => {
    const { origin } = await startUpstream((response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Hello');
    });
    const { outcomes } = await page({ it: graphql(`${origin}/`, '{ a }') }).run();
    expect(outcomes.it.error?.message).toContain('is no GraphQL response');
  });
});

test.each<[string, unknown, string]>([
  ['text that is not GraphQL', '{ user(', 'Syntax Error'],
  ['no text', 7, 'expected a query or a mutation, as text or parsed, but was given 7'],
  ['another object', { kind: 'Field' }, 'but was given'],
  [
    'a document that cannot be printed',
    { kind: 'Document', definitions: [{ kind: 'OperationDefinition' }] },
    'printed',
  ],
  ['a subscription', 'subscription { a }', 'but it is a subscription'],
  ['two operations', 'query A { a } query B { b }', 'expected one operation, but it has 2'],
  ['a fragment alone', 'fragment A on B { c }', 'expected one operation, but it has 0'],
])('%s is an error of the config', (_, document, message) => {
  const make = () => graphql('https://a.example.com/', document as string);
  expect(make).toThrow(message);
  expect(isConfigError(capture(make))).toBe(true);
});

function capture(make: () => unknown): unknown {
  try {
    return make();
  } catch (error) {
    return error;
  }
}

test.each([
  ['an escape of any length', 'query One($id: ID!) { user(id: $id) { id name @skip(if: false) } } # "\\u{1F600}'],
  ['the same in a string', 'query One($id: ID! = "\\u{1F600} \\"") { user(id: $id) { id name } }'],
  ['a block string that ends with a quote', 'query One($id: ID! = """a \\"""""") { user(id: $id) { id name } }'],
  [
    'an empty one, and a comment with a quote',
    '# it\'s "so\nquery One($id: ID! = """""") { user(id: $id) { id name } }',
  ],
])('a document with %s is sent as it is', async (_, document) => {
  const { data } = await page({ it: graphql(server.url, document, { id: '7' }) }).run();
  expect(data.it).toEqual({ user: { id: '7', name: 'Ada' } });
  expect(JSON.parse(String(server.only.body)).query).toBe(document);
});

test('a query may be sent again, and a mutation not', () => {
  expect(graphql(server.url, query, { id: '7' }).safe).toBe(true);
  expect(graphql(server.url, 'mutation { rename(id: 7, name: "Eve") { name } }').safe).toBe(false);
});

describe('together with', () => {
  test('retry: a query that failed by its status is sent again', async () => {
    let count = 0;
    const { origin } = await startUpstream((response) => {
      if (count++ === 0) response.writeHead(503).end();
      else json(response, { data: { a: 1 } });
    });
    const { data, outcomes } = await page({ it: { ...graphql(`${origin}/`, '{ a }'), retry: { backoff: 1 } } }).run();
    expect([data.it, outcomes.it.attempts]).toEqual([{ a: 1 }, 2]);
  });

  test('coalescing: equal queries are sent once, and each has its own reading of the answer', async () => {
    const mashup = newMashup();
    const { origin, sent } = await startUpstream((response) => json(response, { data: { a: 1 }, errors: [{}] }));
    const make = () => ({ ...graphql(`${origin}/`, '{ a }'), coalesce: true });
    const plain = { url: `${origin}/`, method: 'POST', safe: true, coalesce: true, data: { query: '{ a }' } };
    const { outcomes } = await mashup({ one: make(), other: make(), plain: { ...plain, headers: accept } }).run();
    expect(outcomes.one).toMatchObject({ status: 'partial', data: { a: 1 } });
    expect(outcomes.other).toMatchObject({ status: 'partial', data: { a: 1 } });
    expect(outcomes.plain).toMatchObject({ status: 'success', data: { data: { a: 1 }, errors: [{}] } });
    expect(sent).toHaveLength(1);
  });

  test('the cache: whole data is kept, partial data is used once and not kept', async () => {
    const mashup = newMashup();
    const answers = [{ data: { a: null }, errors: [{}] }, { data: { a: 2 } }, { data: { a: 3 } }];
    const { origin, sent } = await startUpstream((response) => json(response, answers[sent.length - 1]));
    const it = { ...graphql(`${origin}/`, '{ a }'), cache: 60_000 };
    const first = (await mashup({ it }).run()).outcomes.it;
    expect(first).toMatchObject({ status: 'partial', cache: { status: 'miss', stored: false, why: 'partial' } });
    expect((await mashup({ it }).run()).outcomes.it).toMatchObject({ data: { a: 2 }, cache: { stored: true } });
    const third = (await mashup({ it }).run()).outcomes.it;
    expect(third).toMatchObject({ status: 'success', data: { a: 2 }, source: 'cache' });
    expect(Object.isFrozen(third.data)).toBe(true);
  });

  test('a stale copy: partial data does not replace it', async () => {
    const mashup = newMashup();
    const answers = [{ data: { a: 1 } }, { data: { a: null }, errors: [{}] }];
    const { origin, sent } = await startUpstream((response) => {
      const answer = answers[sent.length - 1];
      if (answer === undefined) response.writeHead(503).end();
      else json(response, answer);
    });
    const it = { ...graphql(`${origin}/`, '{ a }'), cache: { ttl: 60_000, staleIfError: 60_000 } };
    await mashup({ it }).run();
    await mashup.invalidate({ all: true });
    expect((await mashup({ it }).run()).outcomes.it).toMatchObject({ status: 'partial', data: { a: null } });
    const third = (await mashup({ it }).run()).outcomes.it;
    expect(third).toMatchObject({ status: 'success', data: { a: 1 }, source: 'stale' });
  });

  test('pageCache: a page with partial data is not kept', async () => {
    const answers = [{ data: { a: 1 } }, { data: { a: null }, errors: [{}] }];
    const { origin, sent } = await startUpstream((response) => {
      response.setHeader('cache-control', 'max-age=60');
      json(response, answers[sent.length - 1]);
    });
    const entry = graphql(`${origin}/`, '{ a }');
    const visit = await openPage({ it: entry }, { mashup: newMashup(), options: { pageCache: true } });
    expect((await visit()).response.headers['cache-control']).toMatch(/^public, max-age=\d+$/);
    const { response, outcomes } = await visit();
    expect(outcomes['it']?.status).toBe('partial');
    expect(response.headers['cache-control']).toBe('no-store');
  });

  test('an axios instance, explain, and the inspector: partial data is told as such', async () => {
    const mashup = createMashup({ axios: axios.create() });
    closeLater(() => mashup.close());
    const { origin } = await startUpstream((response) => json(response, { data: { a: 1 }, errors: [{ path: ['a'] }] }));
    const shown = inspector({ instance: mashup });
    closeLater(() => shown.close());
    const app = express5()
      .use('/_mashup', shown)
      .get('/', mashup({ it: graphql(`${origin}/`, '{ a }') }), (_req, res) => {
        res.json({ outcome: res.locals.mashup.it, explanation: explain(res.locals.mashup) });
      });
    const base = originOf(await listen(createServer(app)));
    const get = async (path: string) => (await fetch(base + path, { headers: { connection: 'close' } })).text();
    const { outcome, explanation } = JSON.parse(await get('/'));
    expect(outcome).toMatchObject({ status: 'partial', data: { a: 1 }, error: { code: 'ERR_UPSTREAM_GRAPHQL' } });
    expect(explanation.criticalPath).toEqual(['it']);
    const text = await get('/_mashup/runs/1');
    expect(text).toContain('incomplete');
    // What mockUpstreams() takes.
    expect(text.replaceAll('&quot;', '"')).toContain('"it": { data: { /* what there was */ }, errors: [{}] },');
  });

  test('mocks: a mock gives the whole answer, errors included', async () => {
    const mashup = newMashup();
    const it = graphql<{ a: number | null }, object>('https://a.example.com/graphql', '{ a }');
    const run = mashup({ it });
    const mocks = mockUpstreams(mashup, { it: { data: { a: null }, errors: [{ path: ['a'] }] } });
    closeLater(() => mocks.restore());
    expect((await run.run()).outcomes.it).toMatchObject({ status: 'partial', data: { a: null } });
    mocks.set('it', { data: { a: 2 } });
    expect((await run.run()).outcomes.it).toMatchObject({ status: 'success', data: { a: 2 } });
  });

  test('a deferred upstream: its promise gives what is there', async () => {
    const { origin } = await startUpstream((response) => json(response, { data: { a: 1 }, errors: [{}] }));
    const { data } = await page({
      it: { ...graphql<{ a: number }, object>(`${origin}/`, '{ a }'), defer: true },
    }).run();
    expect(await data.it).toEqual({ a: 1 });
  });

  test('an axios instance', async () => {
    const mashup = createMashup({ axios: axios.create() });
    closeLater(() => mashup.close());
    const { data } = await mashup({ it: graphql(server.url, query, { id: '7' }) }).run();
    expect(data.it).toEqual({ user: { id: '7', name: 'Ada' } });
  });

  test.each([
    ['4', express4],
    ['5', express5],
  ])('Express %s', async (_, express) => {
    const site = await startSite(express as typeof express5);
    const entry = graphql(server.url, query, ({ params }) => ({ id: String(params['id']) }));
    const { data } = await site.visit({ it: entry }, {}, '8');
    expect(data['it']).toEqual({ user: { id: '8', name: 'Bob' } });
  });
});

const { headers: accept } = graphql('https://a.example.com/', '{ a }');
