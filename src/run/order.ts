/** Which of two calls goes first: the one that more others wait for; of equals, the one written first. */
export function heaviestFirst(a: Ranked, b: Ranked): number {
  return b.weight - a.weight || a.index - b.index;
}

interface Ranked {
  readonly weight: number;
  readonly index: number;
}
