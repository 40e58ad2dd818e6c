import { EventEmitter } from 'node:events';
import { Agent, Dispatcher, interceptors, MockAgent, ProxyAgent, RetryAgent } from 'undici';
import { createMashup } from '../../src/index.js';
import { otherUndici } from '../../src/transport/undici-version.js';
import { closeAll, closeLater } from '../support/closing.js';
import { ask } from '../support/site.js';

afterEach(closeAll);

type Handler = Record<string, ((...args: unknown[]) => void) | undefined>;

/** What undici 8 makes of a handler: it is told of errors by `onResponseError`, and else they are thrown. */
class DispatcherBase extends EventEmitter {
  dispatch(options: object | null, handler: Handler): boolean {
    try {
      if (options === null) throw invalid('opts must be an object.');
      if (typeof handler['onRequestStart'] !== 'function') throw invalid('invalid onRequestStart method');
    } catch (error) {
      if (handler['onResponseError'] === undefined) throw error;
      handler['onResponseError'](null, error);
    }
    return true;
  }

  compose(interceptor: (dispatch: Dispatch) => Dispatch): this {
    const dispatch = interceptor(this.dispatch.bind(this));
    return new Proxy(this, { get: (target, key) => (key === 'dispatch' ? dispatch : Reflect.get(target, key)) });
  }
}
type Dispatch = (options: object | null, handler: Handler) => boolean;

class Agent8 extends DispatcherBase {}

const invalid = (message: string) => Object.assign(new Error(message), { code: 'UND_ERR_INVALID_ARG' });

/** And undici 6: it knows `onError` alone. */
const Agent6 = (() => {
  class DispatcherBase {
    dispatch(_options: object | null, handler: Handler): boolean {
      if (typeof handler['onError'] !== 'function') throw invalid('invalid onError method');
      handler['onError'](invalid('opts must be an object.'));
      return false;
    }
  }
  return class Agent extends DispatcherBase {};
})();

const problemsOf = (dispatcher: unknown): string => {
  try {
    createMashup({ dispatcher: dispatcher as Dispatcher });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a dispatcher', () => {
  test.each<[string, () => Dispatcher]>([
    ['an Agent', () => new Agent()],
    ['a ProxyAgent', () => new ProxyAgent('http://127.0.0.1:1')],
    ['a RetryAgent', () => new RetryAgent(new Agent())],
    ['a MockAgent', () => new MockAgent()],
    ['one that is composed', () => new Agent().compose(interceptors.retry())],
  ])('of undici 7 is welcome: %s', (_what, make) => {
    const dispatcher = make();
    closeLater(() => dispatcher.close());
    expect(otherUndici(dispatcher)).toBeNull();
    expect(problemsOf(dispatcher)).toBe('');
  });

  test.each<[string, object]>([
    ['8 or later', new Agent8()],
    ['8 or later', new Agent8().compose((dispatch) => (options, handler) => dispatch(options, handler))],
    ['6 or earlier', new Agent6()],
  ])('of undici %s is a config error that says so', (version, dispatcher) => {
    expect(otherUndici(dispatcher)).toBe(`undici ${version}`);
    expect(problemsOf(dispatcher)).toBe(
      'a problem in the mashup config:\n  - settings.dispatcher: expected a dispatcher of undici 7, but was given one of ' +
        `undici ${version}: make it with undici@7`,
    );
  });

  test('that undici 8 wraps for those who use it as undici 7 is welcome', () => {
    class Dispatcher1Wrapper extends DispatcherBase {}
    expect(otherUndici(new Dispatcher1Wrapper())).toBeNull();
  });

  test("of somebody's own is welcome, and is not run", () => {
    let runs = 0;
    class Own extends Dispatcher {
      override dispatch(): boolean {
        return ++runs > 0;
      }
    }
    class OwnAgent extends Agent {
      override dispatch(): boolean {
        return ++runs > 0;
      }
    }
    const bare = Object.assign(Object.create(null), { dispatch: () => ++runs > 0 });
    for (const own of [new Own(), new OwnAgent(), { dispatch: () => ++runs > 0 }, bare]) {
      expect(otherUndici(own)).toBeNull();
      expect(problemsOf(own)).toBe('');
    }
    expect(runs).toBe(0);
  });

  test('of undici 8 that is not known as one fails every request, and says why', async () => {
    const hidden = new Agent8();
    const dispatcher = { dispatch: (options: object, handler: Handler) => hidden.dispatch(options, handler) };
    const mashup = createMashup({ dispatcher: dispatcher as unknown as Dispatcher });
    const { outcome } = await ask('http://api.test/', {}, { mashup });
    expect(outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_HOOK',
      message: expect.stringContaining('the dispatcher is not one of undici 7'),
    });
  });

  test('that is none is said to be none', () => {
    expect(problemsOf({ dispatch: 1 })).toMatch(
      'expected a dispatcher of undici, such as an Agent, but was given an object',
    );
  });
});
