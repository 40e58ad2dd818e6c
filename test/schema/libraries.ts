import { type } from 'arktype';
import * as v from 'valibot';
import * as z from 'zod';

/** The same schema in each library: coerces and transforms what an upstream sends. */
export const users = [
  [
    'zod',
    z.object({
      id: z.coerce.number(),
      email: z.email(),
      born: z.string().transform((text) => new Date(text)),
      role: z.enum(['admin', 'guest']).default('guest'),
      tags: z.array(z.object({ name: z.string() })),
    }),
  ],
  [
    'valibot',
    v.object({
      id: v.pipe(v.unknown(), v.transform(Number), v.number()),
      email: v.pipe(v.string(), v.email()),
      born: v.pipe(
        v.string(),
        v.transform((text) => new Date(text)),
      ),
      role: v.optional(v.picklist(['admin', 'guest']), 'guest'),
      tags: v.array(v.object({ name: v.string() })),
    }),
  ],
  [
    'arktype',
    type({
      id: type('string.integer.parse').or('number'),
      email: 'string.email',
      born: 'string.date.parse',
      role: "'admin' | 'guest' = 'guest'",
      tags: type({ name: 'string' }).array(),
    }),
  ],
] as const;

/** What an upstream sends that meets the schema, and what the schema makes of it. */
export const sent = { id: '7', email: 'ann@example.com', born: '2000-01-02', tags: [{ name: 'a' }] };
export const made = { ...sent, id: 7, born: new Date('2000-01-02'), role: 'guest' };
