import axios from 'axios';
import { Agent } from 'undici';
import { type ConfigProblem, createMashup, isConfigError } from '../../src/index.js';
import { closeAll, closeLater } from '../support/closing.js';

afterEach(closeAll);

function problemsOf(settings: unknown): readonly ConfigProblem[] {
  try {
    createMashup(settings as never);
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
  return [];
}

describe('settings', () => {
  test.each([[undefined], [{}], [Object.create(null)], [{ axios: undefined, dispatcher: undefined }]])(
    '%j are fine',
    (settings) => {
      expect(problemsOf(settings)).toEqual([]);
    },
  );

  test('may be both an axios instance and a dispatcher', () => {
    const dispatcher = new Agent();
    closeLater(() => dispatcher.close());
    expect(problemsOf({ axios: axios.create(), dispatcher })).toEqual([]);
    expect(problemsOf({ axios })).toEqual([]);
  });

  test.each([[null], ['text'], [5], [[]], [axios.create()], [new Map()]])('%p are no settings', (settings) => {
    expect(problemsOf(settings)).toEqual([
      { path: 'settings', message: expect.stringMatching(/^expected an object, but was given /) },
    ]);
  });

  test.each([[null], [true], ['http://proxy.test'], [{}], [{ baseURL: 'http://a.test' }], [() => {}], [new Agent()]])(
    '%p is no axios instance',
    (value) => {
      expect(problemsOf({ axios: value })).toEqual([
        {
          path: 'settings.axios',
          message: expect.stringMatching(/^expected an axios instance, made by axios.create\(\), but was given /),
        },
      ]);
    },
  );

  test.each([[null], [true], ['http://proxy.test'], [{}], [{ dispatch: true }], [() => {}], [axios.create()]])(
    '%p is no dispatcher',
    (value) => {
      expect(problemsOf({ dispatcher: value })).toEqual([
        {
          path: 'settings.dispatcher',
          message: expect.stringMatching(/^expected a dispatcher of undici, such as an Agent, but was given /),
        },
      ]);
    },
  );

  test('that are not known are named, with what may have been meant', () => {
    expect(problemsOf({ dispacher: new Agent() })).toEqual([
      { path: 'settings.dispacher', message: "is not an option: did you mean 'dispatcher'?" },
    ]);
    expect(problemsOf({ zebra: 1 })).toMatchObject([{ path: 'settings.zebra' }]);
  });

  test('have all their problems told at once', () => {
    expect(problemsOf({ axios: 1, dispatcher: 2, timeout: 3 }).map(({ path }) => path)).toEqual([
      'settings.axios',
      'settings.dispatcher',
      'settings.timeout',
    ]);
  });

  test('are not written into', () => {
    const settings = Object.freeze({ axios: axios.create() });
    expect(problemsOf(settings)).toEqual([]);
  });

  test('have no secrets shown where they are wrong', () => {
    const [problem] = problemsOf({ dispatcher: 'http://joe:hush@proxy.test?key=hush' });
    expect(problem?.message).not.toContain('hush');
  });
});
