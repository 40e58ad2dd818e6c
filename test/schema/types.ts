// What zod, valibot and ArkType say their output is, is what a handler sees. Checked by the compiler; never run.

import { type } from 'arktype';
import { expectTypeOf } from 'expect-type';
import express from 'express';
import * as v from 'valibot';
import * as z from 'zod';
import { createMashup, type MashupLocals, mashup, type Outcome } from '../../src/index.js';

const app = express();
const url = 'https://users.example.com/{params.id}';

interface User {
  id: number;
  born: Date;
  role: 'admin' | 'guest';
  tags: { name: string }[];
  phone?: string | undefined;
}

const zodUser = z.object({
  id: z.coerce.number(),
  born: z.string().transform((text) => new Date(text)),
  role: z.enum(['admin', 'guest']).default('guest'),
  tags: z.array(z.object({ name: z.string() })),
  phone: z.string().optional(),
});

const valibotUser = v.object({
  id: v.pipe(v.unknown(), v.transform(Number)),
  born: v.pipe(
    v.string(),
    v.transform((text) => new Date(text)),
  ),
  role: v.optional(v.picklist(['admin', 'guest']), 'guest'),
  tags: v.array(v.object({ name: v.string() })),
  phone: v.optional(v.string()),
});

const arkUser = type({
  id: 'string.integer.parse',
  born: 'string.date.parse',
  role: "'admin' | 'guest' = 'guest'",
  tags: type({ name: 'string' }).array(),
  'phone?': 'string | undefined',
});

// Where it is required: the output, and not the input.
app.get(
  '/required/:id',
  mashup({
    zod: { url, schema: zodUser, required: true },
    valibot: { url, schema: valibotUser, required: true },
    ark: { url, schema: arkUser, required: true },
  }),
  (_req, res) => {
    const { zod, valibot, ark } = res.locals;
    expectTypeOf(zod).toEqualTypeOf<User>();
    expectTypeOf(valibot).toEqualTypeOf<User>();
    expectTypeOf(ark).toEqualTypeOf<User>();
    expectTypeOf(res.locals.mashup.zod).toEqualTypeOf<Outcome<User>>();
    // @ts-expect-error the outcomes have the names of the upstreams only
    res.locals.mashup.joi;
  },
);

// Where it is not: null as well.
app.get(
  '/optional/:id',
  mashup({ zod: { url, schema: zodUser }, valibot: { url, schema: valibotUser }, ark: { url, schema: arkUser } }),
  (_req, res) => {
    const { zod, valibot, ark } = res.locals;
    expectTypeOf(zod).toEqualTypeOf<User | null>();
    expectTypeOf(valibot).toEqualTypeOf<User | null>();
    expectTypeOf(ark).toEqualTypeOf<User | null>();
    // @ts-expect-error it may be null
    zod.id;
  },
);

// With `each`, it is for one item: a list of them, null where one failed.
const each = 'user.friends';
app.get(
  '/each/:id',
  mashup({
    user: { url, schema: zodUser, required: true },
    zod: { url: 'https://a.example.com/{item}', each, schema: zodUser },
    valibot: { url: 'https://a.example.com/{item}', each: () => [1, 2], schema: valibotUser, required: true },
    ark: { url: 'https://a.example.com/{item}', each: async () => [1, 2], schema: arkUser, fallback: [] },
  }),
  (_req, res) => {
    const { zod, valibot, ark } = res.locals;
    expectTypeOf(zod).toEqualTypeOf<(User | null)[] | null>();
    expectTypeOf(valibot).toEqualTypeOf<(User | null)[]>();
    expectTypeOf(ark).toEqualTypeOf<(User | null)[] | readonly []>();
  },
);

// With a fallback: its type too.
app.get(
  '/fallback/:id',
  mashup({
    zod: { url, schema: zodUser, fallback: 'nobody' },
    valibot: { url, schema: valibotUser, fallback: () => ({ anonymous: true }) },
    ark: { url, schema: arkUser, fallback: async (error) => error.message },
  }),
  (_req, res) => {
    const { zod, valibot, ark } = res.locals;
    expectTypeOf(zod).toEqualTypeOf<User | 'nobody'>();
    expectTypeOf(valibot).toEqualTypeOf<User | { anonymous: boolean }>();
    expectTypeOf(ark).toEqualTypeOf<User | string>();
  },
);

// Skipped is null, required or not.
app.get('/when', mashup({ zod: { url, schema: zodUser, required: true, when: () => true } }), (_req, res) => {
  expectTypeOf(res.locals.zod).toEqualTypeOf<User | null>();
});

// Schemas that are no objects, async ones among them.
app.get(
  '/kinds',
  mashup({
    text: { url, schema: z.string(), required: true },
    list: { url, schema: v.array(v.number()), required: true },
    union: { url, schema: type("'a' | 'b' | 1"), required: true },
    refined: { url, schema: z.string().refine(async () => true), required: true },
    transformed: { url, schema: z.number().transform(async (number) => BigInt(number)), required: true },
    checked: {
      url,
      schema: v.pipeAsync(
        v.string(),
        v.checkAsync(async () => true),
      ),
      required: true,
    },
    record: { url, schema: z.record(z.string(), z.number()), required: true },
    nullable: { url, schema: z.number().nullable(), required: true },
    anything: { url, schema: z.unknown(), required: true },
  }),
  (_req, res) => {
    const { locals } = res;
    expectTypeOf(locals.text).toEqualTypeOf<string>();
    expectTypeOf(locals.list).toEqualTypeOf<number[]>();
    expectTypeOf(locals.union).toEqualTypeOf<'a' | 'b' | 1>();
    expectTypeOf(locals.refined).toEqualTypeOf<string>();
    expectTypeOf(locals.transformed).toEqualTypeOf<bigint>();
    expectTypeOf(locals.checked).toEqualTypeOf<string>();
    expectTypeOf(locals.record).toEqualTypeOf<Record<string, number>>();
    expectTypeOf(locals.nullable).toEqualTypeOf<number | null>();
    expectTypeOf(locals.anything).toEqualTypeOf<unknown>();
  },
);

// By the name of the type, under `into`, and of another instance.
const page = createMashup()({ zod: { url, schema: zodUser, required: true } }, { into: 'data' });
expectTypeOf<MashupLocals<typeof page>['data']['zod']>().toEqualTypeOf<User>();
expectTypeOf<MashupLocals<typeof page>['mashup']['zod']>().toEqualTypeOf<Outcome<User>>();

// @ts-expect-error a class that is no schema
mashup({ zod: { url, schema: z.ZodObject } });
