import leven from 'leven';

/** The end of a message about an unknown name: the known one that was probably meant. */
export function didYouMean(name: string, known: readonly string[]): string {
  const most = Math.max(1, Math.floor(name.length / 3));
  let best: string | null = null;
  let distance = most + 1;
  for (const candidate of known) {
    const far = leven(name.toLowerCase(), candidate.toLowerCase());
    if (far < distance) {
      distance = far;
      best = candidate;
    }
  }
  return best === null ? `; known are ${known.join(', ')}` : `: did you mean '${best}'?`;
}
