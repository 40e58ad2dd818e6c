import { runInThisContext } from 'node:vm';

/**
 * Watches for promises rejected without a handler, from now to the end of the file. Node tells its own `process`, which is
 * not the one that Jest's sandbox shows.
 */
export function watchRejections(): { seen(): Promise<unknown[]> } {
  const real = runInThisContext('process') as NodeJS.Process;
  const reasons: unknown[] = [];
  const note = (reason: unknown) => void reasons.push(reason);
  beforeAll(() => void real.on('unhandledRejection', note));
  afterAll(() => void real.off('unhandledRejection', note));
  return {
    async seen() {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return reasons;
    },
  };
}
