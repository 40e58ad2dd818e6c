const closers: (() => unknown)[] = [];

/** Notes what {@link closeAll} has to close. */
export function closeLater(close: () => unknown): void {
  closers.push(close);
}

/** For `afterEach`: closes whatever the helpers have opened. All at once, for a client and a server may wait for each other. */
export async function closeAll(): Promise<void> {
  await Promise.all(closers.splice(0).map((close) => close()));
}
