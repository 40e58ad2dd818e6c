/** The smallest value that at least the share `p` of the values does not exceed. */
export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * The order of one round: rows of Williams's Latin square, in which each item stands in each place once and, for an even
 * number of items, follows each other item once, so that what one leaves behind does not always hit the same next one.
 */
export function order(items, round) {
  const count = items.length;
  return items.map((_, place) => {
    const zigzag = place % 2 ? (place + 1) >> 1 : (count - (place >> 1)) % count;
    return items[(zigzag + round) % count];
  });
}
