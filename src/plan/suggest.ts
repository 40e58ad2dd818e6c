import { closestMatch } from 'leven';

/** The known name that was probably meant. */
export function closest(name: string, known: readonly string[]): string | undefined {
  const byLowerCase = new Map(known.map((one) => [one.toLowerCase(), one]));
  const maxDistance = Math.max(2, Math.floor(name.length / 3));
  const match = closestMatch(name.toLowerCase(), [...byLowerCase.keys()], { maxDistance });
  return match === undefined ? undefined : byLowerCase.get(match);
}

/** The end of a message about an unknown name. */
export function didYouMean(name: string, known: readonly string[]): string {
  const match = closest(name, known);
  return match === undefined ? `; known are ${known.join(', ')}` : `: did you mean '${match}'?`;
}
