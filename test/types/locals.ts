// What an inline handler on the same route knows of `res.locals`. Nothing here is run: the compiler is the test.
import { expectTypeOf } from 'expect-type';
import express from 'express';
import { mashup, type Outcome, upstream } from '../../src/index.js';
import { type Order, type User, userSchema } from './things.js';

const app = express();
const url = 'https://a.example.com/';

app.get('/strings', mashup({ user: url }), (_req, res) => {
  expectTypeOf(res.locals.user).toEqualTypeOf<unknown>();
  expectTypeOf(res.locals.mashup.user).toEqualTypeOf<Outcome<unknown>>();
});

app.get('/schema', mashup({ user: { url, schema: userSchema } }), (_req, res) => {
  expectTypeOf(res.locals.user).toEqualTypeOf<User | null>();
  expectTypeOf(res.locals.mashup.user).toEqualTypeOf<Outcome<User | null>>();
  // @ts-expect-error: it may be null
  res.locals.user.name;
  // @ts-expect-error: there is no such upstream
  res.locals.usr;
  // @ts-expect-error: there is no such outcome
  res.locals.mashup.usr;
});

app.get('/required', mashup({ user: { url, schema: userSchema, required: true } }), (_req, res) => {
  expectTypeOf(res.locals.user).toEqualTypeOf<User>();
  res.locals.user.name satisfies string;
  // @ts-expect-error: a user has no such property
  res.locals.user.nam;
});

app.get('/maybe-required', mashup({ user: { url, schema: userSchema, required: Boolean('x') } }), (_req, res) => {
  expectTypeOf(res.locals.user).toEqualTypeOf<User | null>();
});

app.get('/required-false', mashup({ user: { url, schema: userSchema, required: false } }), (_req, res) => {
  expectTypeOf(res.locals.user).toEqualTypeOf<User | null>();
});

app.get(
  '/typed',
  mashup({ user: upstream<User>({ url, required: true }), order: upstream<Order>(url) }),
  (_req, res) => {
    expectTypeOf(res.locals.user).toEqualTypeOf<User>();
    expectTypeOf(res.locals.order).toEqualTypeOf<Order | null>();
  },
);

app.get(
  '/fallbacks',
  mashup({
    object: { url, schema: userSchema, fallback: { anonymous: true } },
    nothing: { url, schema: userSchema, fallback: null },
    list: { url, schema: userSchema, fallback: [] },
    made: { url, schema: userSchema, fallback: (error, { params }) => ({ message: error.message, id: params['id'] }) },
    madeLater: { url, schema: userSchema, fallback: async () => 5 },
    unknown: { url, fallback: 5 },
  }),
  (_req, res) => {
    expectTypeOf(res.locals.object).toEqualTypeOf<User | { readonly anonymous: true }>();
    expectTypeOf(res.locals.nothing).toEqualTypeOf<User | null>();
    expectTypeOf(res.locals.list).toEqualTypeOf<User | readonly []>();
    expectTypeOf(res.locals.made).toEqualTypeOf<User | { message: string; id: string | string[] | undefined }>();
    expectTypeOf(res.locals.madeLater).toEqualTypeOf<User | number>();
    expectTypeOf(res.locals.unknown).toEqualTypeOf<unknown>();
  },
);

app.get(
  '/each',
  mashup({
    user: { url, schema: userSchema, required: true },
    friends: { url: 'https://a.example.com/{item.id}', each: 'user.friends', schema: userSchema },
    needed: { url, each: () => [1, 2], schema: userSchema, required: true },
    spared: { url, each: 'user.friends', schema: userSchema, fallback: [] },
    anything: { url, each: 'user.friends', required: true },
  }),
  (_req, res) => {
    expectTypeOf(res.locals.friends).toEqualTypeOf<(User | null)[] | null>();
    expectTypeOf(res.locals.needed).toEqualTypeOf<(User | null)[]>();
    expectTypeOf(res.locals.spared).toEqualTypeOf<(User | null)[] | readonly []>();
    expectTypeOf(res.locals.anything).toEqualTypeOf<unknown[]>();
    // @ts-expect-error: one of them may be null
    res.locals.needed[0].name;
  },
);

app.get(
  '/when',
  mashup({
    required: { url, schema: userSchema, required: true, when: ({ query }) => query['full'] === '1' },
    fallback: { url, schema: userSchema, fallback: 0, when: () => false },
    each: { url, each: () => [1], schema: userSchema, required: true, when: async () => true },
  }),
  (_req, res) => {
    expectTypeOf(res.locals.required).toEqualTypeOf<User | null>();
    expectTypeOf(res.locals.fallback).toEqualTypeOf<User | 0 | null>();
    expectTypeOf(res.locals.each).toEqualTypeOf<(User | null)[] | null>();
  },
);

app.get('/into', mashup({ user: { url, schema: userSchema, required: true } }, { into: 'data' }), (_req, res) => {
  expectTypeOf(res.locals.data).toEqualTypeOf<{ user: User }>();
  expectTypeOf(res.locals.mashup.user).toEqualTypeOf<Outcome<User>>();
  // @ts-expect-error: it is in `data`
  res.locals.user;
});

app.get('/other-options', mashup({ user: { url, schema: userSchema } }, { deadline: 500 }), (_req, res) => {
  expectTypeOf(res.locals.user).toEqualTypeOf<User | null>();
});

app.get('/outcome', mashup({ user: { url, schema: userSchema } }), (_req, res) => {
  const { status, data, error, response, timings, items } = res.locals.mashup.user;
  expectTypeOf(status).toEqualTypeOf<'success' | 'partial' | 'fallback' | 'error' | 'skipped' | 'pending'>();
  expectTypeOf(data).toEqualTypeOf<User | null>();
  expectTypeOf(error?.code).not.toBeAny();
  expectTypeOf(response?.headers).toEqualTypeOf<Record<string, string | string[]> | undefined>();
  expectTypeOf(timings.ended).toEqualTypeOf<number | null>();
  expectTypeOf(items).toEqualTypeOf<Outcome[] | undefined>();
});
