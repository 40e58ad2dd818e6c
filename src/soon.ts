const resolved = Promise.resolve();

/** Calls it in a microtask. Cheaper than queueMicrotask, which makes an AsyncResource for each. */
export function soon(callback: () => void): void {
  void resolved.then(callback);
}

/** Calls it after all microtasks and ticks that are queued now, and those that they queue. */
export function afterwards(callback: () => void): void {
  // From a microtask: a tick that is queued there runs after all microtasks.
  soon(() => process.nextTick(callback));
}
