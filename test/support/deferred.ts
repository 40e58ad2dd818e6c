/** A promise that a test settles. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (cause: unknown) => void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve: Deferred<T>['resolve'] | undefined;
  let reject: Deferred<T>['reject'] | undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject } as Deferred<T>;
}

/** Lets everything happen that needs no event from outside. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Waits until something is so; the milliseconds that it took, or null if it was not so within the limit. */
export async function until(isSo: () => boolean, limitMs: number): Promise<number | null> {
  const began = performance.now();
  while (!isSo()) {
    if (performance.now() - began > limitMs) return null;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - began;
}
