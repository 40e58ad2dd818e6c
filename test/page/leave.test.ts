import { Agent, type ClientRequest, get } from 'node:http';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import type { NextFunction, Request, Response } from 'express';
import request from 'supertest';
import type { Context, PageOptions, UpstreamMap } from '../../src/types.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { expresses, type Site, startSite } from '../support/site.js';

describe.each(expresses)('%s: a client that leaves', (_, express) => {
  let backend: Backend;
  let site: Site;
  /** What came after the middleware, in order. */
  let ran: string[];

  beforeEach(async () => {
    backend = await startBackend();
    site = await startSite(express);
    ran = [];
  });
  afterEach(closeAll);

  const url = (path: string) => `${backend.origin}${path}`;
  const countRun = (_req: Request, res: Response) => {
    ran.push('handler');
    res.end();
  };

  /** Asks for a page. It is destroyed by the test. */
  function visit(upstreams: UpstreamMap, options: PageOptions = {}): ClientRequest {
    site.app.get('/', site.mashup(upstreams, options), countRun, (_error: unknown, req: Request, res: Response) => {
      ran.push('error handler');
      countRun(req, res);
    });
    return get(site.origin).on('error', () => {});
  }

  test('closes the connections to the upstreams', async () => {
    const client = visit({ a: url('/a'), b: url('/b') });
    const asked = await Promise.all([backend.asked('/a'), backend.asked('/b')]);
    client.destroy();
    await Promise.all(asked.map(({ closed }) => closed));
    expect(backend.inFlight).toBe(0);
  });

  test('closes them in the middle of a body too', async () => {
    const client = visit({ a: url('/a') });
    const asked = await backend.asked('/a');
    asked.begin('[1,');
    client.destroy();
    await asked.closed;
  });

  test('takes its pipelined requests with it, whose responses have not begun', async () => {
    site.app.get('/', site.mashup({ a: url('/a') }), countRun);
    const socket = connect(Number(new URL(site.origin).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(30));
    const asked = await Promise.all(Array.from({ length: 30 }, () => backend.asked('/a')));
    socket.destroy();
    await Promise.all(asked.map(({ closed }) => closed));
    expect(backend.inFlight).toBe(0);
    expect(ran).toEqual([]);
  });

  test('leaves pipelined requests alone that are answered', async () => {
    backend.answer('/a', 'well');
    site.app.get('/', site.mashup({ a: url('/a') }), countRun);
    const socket = connect(Number(new URL(site.origin).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(30));
    let text = '';
    for await (const chunk of socket) {
      text += chunk;
      if (text.split('HTTP/1.1 200 OK').length === 31) break;
    }
    socket.destroy();
    expect(ran).toHaveLength(30);
  });

  // In old space it would keep the run and all its data, long over, until the next full collection.
  test('is listened for by a function in V8’s young generation', async () => {
    setFlagsFromString('--allow-natives-syntax');
    const isYoung = new Script('(object) => %InYoungGeneration(object)').runInThisContext();
    const young: boolean[] = [];
    site.app.use((_req, res, next) => {
      res.on('newListener', (event, listener) => {
        if (event === 'close') young.push(isYoung(listener));
      });
      next();
    });
    backend.answer('/a', 1);
    await site.visit({ a: url('/a') });
    expect(young).toEqual([true]);
  });

  test('is told to nobody: no handler runs, then or at the deadline', async () => {
    const client = visit({ a: { url: url('/a'), required: true }, b: url('/b') }, { deadline: 500 });
    const asked = await Promise.all([backend.asked('/a'), backend.asked('/b')]);
    client.destroy();
    await Promise.all(asked.map(({ closed }) => closed));
    expect(site.clock.pending).toBe(0);
    site.clock.advance(500);
    expect(ran).toEqual([]);
  });

  test('keeps what is in the queue from being sent', async () => {
    const client = visit({ a: url('/a'), b: url('/b'), c: url('/c/{a.id}') }, { concurrency: 1 });
    const asked = await backend.asked('/a');
    client.destroy();
    await asked.closed;
    expect(backend.seen).toEqual(['/a']);
  });

  test('ends a fan-out with all its items', async () => {
    const client = visit({ a: { url: url('/a/{item}'), each: () => [1, 2, 3] } }, { concurrency: 2 });
    const asked = await Promise.all([backend.asked('/a/1'), backend.asked('/a/2')]);
    client.destroy();
    await Promise.all(asked.map(({ closed }) => closed));
    expect(backend.seen).toHaveLength(2);
  });

  test('aborts the signal of a callback that is still at work, and what it returns is of no use', async () => {
    const asked = deferred();
    const pass = deferred<boolean>();
    const when = ({ signal }: Context) => {
      signal.addEventListener('abort', () => pass.resolve(true));
      asked.resolve();
      return pass.promise;
    };
    const client = visit({ a: { url: url('/a'), when } });
    await asked.promise;
    client.destroy();
    await pass.promise;
    await settled();
    expect(site.begun).toBe(0);
    expect(ran).toEqual([]);
  });

  test('asks for no fallback', async () => {
    let fallbacks = 0;
    const client = visit({ a: { url: url('/a'), fallback: () => ++fallbacks } });
    const asked = await backend.asked('/a');
    client.destroy();
    await asked.closed;
    expect(fallbacks).toBe(0);
  });

  test('asks for no fallback of a fan-out either, of which some items have failed by then', async () => {
    let fallbacks = 0;
    const items = () => ['bad', 'slow'];
    const client = visit({ a: { url: url('/{item}'), each: items, fallback: () => ++fallbacks } }, { concurrency: 1 });
    (await backend.asked('/bad')).reply('no', { status: 500 });
    const slow = await backend.asked('/slow');
    client.destroy();
    await slow.closed;
    expect(fallbacks).toBe(0);
  });

  test.each(['res', 'req'] as const)('before the middleware runs (%s closed) causes nothing', async (which) => {
    const passed = deferred();
    site.app.use((req, res, next) => {
      (which === 'res' ? res : req).once('close', () => {
        next();
        passed.resolve();
      });
      client.destroy();
    });
    const client = visit({ a: url('/a') });
    await passed.promise;
    expect(backend.seen).toEqual([]);
    expect(site.clock.pending).toBe(0);
    expect(ran).toEqual([]);
  });

  test('having been answered before the middleware runs causes nothing either', async () => {
    const agent = new Agent({ keepAlive: true });
    const passed = deferred();
    site.app.use((_req, res, next) => {
      res.once('close', () => {
        next();
        passed.resolve();
      });
      res.end();
    });
    site.app.get('/', site.mashup({ a: url('/a') }), countRun);
    const answered = deferred();
    get(site.origin, { agent }, (response) => response.resume().once('end', answered.resolve));
    await Promise.all([passed.promise, answered.promise]);
    agent.destroy();
    expect(site.begun).toBe(0);
    expect(ran).toEqual([]);
  });

  test('leaves the next client as good a page', async () => {
    const client = visit({ a: url('/a') });
    const asked = await backend.asked('/a');
    client.destroy();
    await asked.closed;
    backend.answer('/a', 1);
    expect((await request(site.origin).get('/')).status).toBe(200);
    expect(ran).toEqual(['handler']);
  });

  test('is not listened for when the page is done', async () => {
    backend.answer('/a', 1);
    const listeners: number[] = [];
    const count = (_req: Request, res: Response, next: NextFunction) => {
      listeners.push(res.listenerCount('close'));
      next();
    };
    site.app.get('/', count, site.mashup({ a: url('/a') }), count, countRun);
    await request(site.origin).get('/');
    expect(listeners[1]).toBe(listeners[0]);
  });

  test('is like one that somebody else has answered meanwhile', async () => {
    let answer = () => {};
    site.app.use((_req, res, next) => {
      answer = () => res.status(503).end();
      next();
    });
    site.app.get('/', site.mashup({ a: url('/a') }), countRun);
    const response = request(site.origin).get('/').then();
    const asked = await backend.asked('/a');
    answer();
    expect((await response).status).toBe(503);
    await asked.closed;
    expect(ran).toEqual([]);
  });
});
