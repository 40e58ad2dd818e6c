import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use, on the heap and outside, when no more can be collected. What a buffer held is freed some turns after it. */
export async function memoryInUse(): Promise<number> {
  let least = Infinity;
  for (let unchanged = 0; unchanged < 3; unchanged++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
    const { heapUsed, external } = process.memoryUsage();
    if (heapUsed + external > least - 10_000) continue;
    least = heapUsed + external;
    unchanged = 0;
  }
  return least;
}
