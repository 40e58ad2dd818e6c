// What the page shows where the weather does not answer: how warm it usually is. Rounded by hand.

/** By city, the mean temperature of each month, in °C. */
const means: Readonly<Record<string, readonly number[]>> = {
  berlin: [1, 2, 5, 10, 14, 18, 20, 20, 15, 10, 5, 2],
  london: [6, 6, 8, 11, 14, 17, 19, 19, 16, 12, 9, 6],
  nairobi: [20, 21, 21, 20, 19, 17, 17, 17, 19, 20, 20, 20],
  'new-york': [1, 2, 6, 12, 17, 22, 25, 25, 21, 14, 9, 4],
  oslo: [-3, -2, 1, 6, 12, 16, 18, 17, 12, 6, 2, -2],
  'sao-paulo': [23, 24, 23, 21, 18, 17, 17, 18, 19, 21, 21, 23],
  sydney: [24, 23, 22, 19, 16, 14, 13, 14, 17, 19, 20, 22],
  tokyo: [5, 6, 9, 14, 19, 22, 26, 27, 23, 18, 13, 8],
};

export interface UsualWeather {
  current: null;
  /** Null where that is not known for the city. */
  usual: { temperature: number; month: string } | null;
}

export function usualWeather(slug: string, now: Date): UsualWeather {
  const temperature = means[slug]?.[now.getUTCMonth()];
  if (temperature === undefined) return { current: null, usual: null };
  return {
    current: null,
    usual: { temperature, month: now.toLocaleDateString('en-GB', { month: 'long', timeZone: 'UTC' }) },
  };
}
