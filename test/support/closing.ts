const closers = new Set<() => unknown>();

/** Notes what {@link closeAll} has to close, unless what this returns has closed it before. */
export function closeLater(close: () => unknown): () => Promise<void> {
  closers.add(close);
  return async () => {
    if (closers.delete(close)) await close();
  };
}

/** For `afterEach`: closes whatever the helpers have opened. All at once, for a client and a server may wait for each other. */
export async function closeAll(): Promise<void> {
  const all = [...closers];
  closers.clear();
  await Promise.all(all.map((close) => close()));
}
