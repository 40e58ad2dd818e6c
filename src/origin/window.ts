/** Counts the events of the last `windowMs` milliseconds, in ten steps. */
export class SlidingCount {
  readonly #step: number;
  readonly #counts = new Float64Array(10);
  /** The number of the step that is being counted, since the clock's zero. */
  #current = 0;

  constructor(windowMs: number) {
    this.#step = windowMs / this.#counts.length;
  }

  add(now: number): void {
    this.#advance(now);
    const at = this.#current % this.#counts.length;
    this.#counts[at] = (this.#counts[at] as number) + 1;
  }

  total(now: number): number {
    this.#advance(now);
    let sum = 0;
    for (const count of this.#counts) sum += count;
    return sum;
  }

  clear(): void {
    this.#counts.fill(0);
  }

  #advance(now: number): void {
    const step = Math.floor(now / this.#step);
    const passed = Math.min(step - this.#current, this.#counts.length);
    for (let at = 0; at < passed; at++) this.#counts[(step - at) % this.#counts.length] = 0;
    if (step > this.#current) this.#current = step;
  }
}

const LEAST_SAMPLES = 20;

/** Quantiles of the last 512 latencies. */
export class LatencyWindow {
  readonly #samples = new Float64Array(512);
  #count = 0;
  #sorted: Float64Array | null = null;
  /** How many more samples may come before they are sorted again. */
  #stale = 0;

  add(ms: number): void {
    this.#samples[this.#count % this.#samples.length] = ms;
    this.#count++;
    this.#stale--;
  }

  /** Milliseconds below which this share (0 to 1) of the answers came; null while there are too few to tell. */
  quantile(share: number): number | null {
    const size = Math.min(this.#count, this.#samples.length);
    if (size < LEAST_SAMPLES) return null;
    if (this.#sorted === null || this.#stale <= 0) {
      this.#sorted = this.#samples.slice(0, size).sort();
      // Sorting costs about 20 µs, and one sample changes little.
      this.#stale = Math.ceil(size / 16);
    }
    return this.#sorted[Math.min(this.#sorted.length - 1, Math.floor(share * this.#sorted.length))] ?? null;
  }
}
