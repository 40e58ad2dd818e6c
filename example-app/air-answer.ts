// What the air service has to answer. The schema is the type too, and its output is the data.
import { z } from 'zod';

const airQuality = z.object({
  station: z.string(),
  index: z.number(),
  pm25: z.number(),
  pm10: z.number(),
  no2: z.number(),
  o3: z.number(),
});

export const airAnswer = z
  .object({ data: z.object({ airQuality: airQuality.nullable() }) })
  .transform(({ data }) => data.airQuality);
