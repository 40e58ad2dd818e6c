const resolved = Promise.resolve();

/** Calls it in a microtask, for less than queueMicrotask, which makes an AsyncResource every time. */
export function soon(callback: () => void): void {
  void resolved.then(callback);
}

/** Calls it when all that follows from what has just happened is done. */
export function afterwards(callback: () => void): void {
  // From a microtask, for only then does a tick come after all others.
  soon(() => process.nextTick(callback));
}
