import { createRequire } from 'node:module';

/** A handler's error method in the API of undici up to 7, and in that of undici from 7 on. */
const apis = ['onError', 'onResponseError'] as const;

/**
 * The version of undici that a dispatcher belongs to, if that is not 7: "undici 8.1.0", or "undici 8 or later" if its package is
 * not found. Null for undici 7, and for classes of somebody else's. It runs nothing but undici's own check of arguments.
 */
export function otherUndici(dispatcher: object): string | null {
  const classes = classesOf(dispatcher);
  // undici 8's adapter for the API of undici 7.
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

/** Whether `dispatch` reports invalid arguments to this method. Nothing is sent: it is called without a dispatcher. */
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
    // Thrown, and not reported to the handler.
  }
  return isTold;
}

/** The version in the package.json beside the CommonJS module that one of these classes was loaded from. */
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
