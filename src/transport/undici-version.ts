import { createRequire } from 'node:module';

/** The errors of handlers, by the API of undici up to 7, and by that of undici from 7 on. */
const apis = ['onError', 'onResponseError'] as const;

/**
 * Of which undici a dispatcher is, if that is not 7: "undici 8.1.0", or "undici 8 or later" where its package is not found.
 * Null where it is 7, or a dispatcher of somebody's own, which may be anything. It runs nothing but undici's own check of
 * arguments.
 */
export function otherUndici(dispatcher: object): string | null {
  const classes = classesOf(dispatcher);
  // What undici 8 has for those who use it as undici 7 is used.
  if (classes.some(({ name }) => name === 'Dispatcher1Wrapper')) return null;
  const version = versionOf(classes);
  if (version !== null) return version.startsWith('7.') ? null : `undici ${version}`;
  const base = classes.find(({ name }) => name === 'DispatcherBase');
  const [takesOld, takesNew] = apis.map((api) => base === undefined || takes(base.prototype, api));
  if (takesOld === takesNew) return null;
  return takesNew ? 'undici 8 or later' : 'undici 6 or earlier';
}

type Class = { readonly name: string; readonly prototype: { dispatch?: unknown } };

function classesOf(dispatcher: object): Class[] {
  const classes: Class[] = [];
  for (let at = Object.getPrototypeOf(dispatcher); at !== null; at = Object.getPrototypeOf(at)) {
    if (typeof at.constructor === 'function') classes.push(at.constructor);
  }
  return classes;
}

/** Whether a handler with this method is told of a request that is none. Nothing can be sent: there is no dispatcher. */
function takes({ dispatch }: Class['prototype'], api: (typeof apis)[number]): boolean {
  let isTold = false;
  const tell = () => {
    isTold = true;
  };
  // undici 7 knows the newer API by this method.
  const handler = api === 'onError' ? { onError: tell } : { onRequestStart() {}, onResponseError: tell };
  try {
    (dispatch as (this: object, options: null, handler: object) => void).call({}, null, handler);
  } catch {
    // It is not told, then.
  }
  return isTold;
}

/** By the package that one of these classes was loaded from, which CommonJS knows. */
function versionOf(classes: readonly Class[]): string | null {
  try {
    const require = createRequire(`${process.cwd()}/`);
    for (const [file, module] of Object.entries(require.cache)) {
      const [directory, isUndici] = file.split(/[\\/]lib[\\/](?:dispatcher|mock)[\\/]/);
      if (isUndici === undefined || !classes.includes(module?.exports)) continue;
      const { name, version } = require(`${directory}/package.json`);
      if (name === 'undici' && typeof version === 'string') return version;
    }
  } catch {
    // There may be no package.json, and no directory to work in.
  }
  return null;
}
