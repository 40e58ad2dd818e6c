const resolved = Promise.resolve();

/** Calls it in a microtask, for less than queueMicrotask, which makes an AsyncResource every time. */
export function soon(callback: () => void): void {
  void resolved.then(callback);
}
