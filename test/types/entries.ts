// How entries are typed: by schemas, and by upstream<T>().
import { expectTypeOf } from 'expect-type';
import { type DataOf, type MashupLocals, mashup, type Outcome, upstream } from '../../src/index.js';
import { dateSchema, type Order, OrderSchema, type User, userSchema } from './things.js';

const url = 'https://a.example.com/';

// The output of a schema is the data.
const bySchema = mashup({
  user: { url, schema: userSchema, required: true },
  date: { url, schema: dateSchema, required: true },
  order: { url, schema: new OrderSchema(), required: true },
});
expectTypeOf<MashupLocals<typeof bySchema>['user']>().toEqualTypeOf<User>();
expectTypeOf<MashupLocals<typeof bySchema>['date']>().toEqualTypeOf<Date>();
expectTypeOf<MashupLocals<typeof bySchema>['order']>().toEqualTypeOf<Order>();

// @ts-expect-error: not a Standard Schema
mashup({ user: { url, schema: { parse: (value: unknown) => value } } });
// @ts-expect-error: not of version 1
mashup({ user: { url, schema: { '~standard': { version: 2, vendor: '', validate: () => ({ value: 1 }) } } } });

// upstream<T>() says what the data is, and what the entry's other options make of that.
const typed = {
  string: upstream<User>(url),
  object: upstream<User>({ url }),
  required: upstream<User>({ url, required: true }),
  notRequired: upstream<User>({ url, required: false }),
  requiredWhen: upstream<User>({ url, required: true, when: () => true }),
  fallback: upstream<User>({ url, fallback: { id: 0, name: '', friends: [] } }),
  fallbackFunction: upstream<User>({ url, fallback: () => ({ id: 0, name: '', friends: [] }) }),
  otherFallback: upstream<User, { anonymous: boolean }>({ url, fallback: { anonymous: true } }),
  nullFallback: upstream<User>({ url, fallback: null }),
  laterFallback: upstream<User, number>({ url, fallback: async (error) => error.message.length }),
  fallbackWhen: upstream<User, number>({ url, fallback: 0, when: () => true }),
  each: upstream<User>({ url, each: 'user.friends' }),
  eachRequired: upstream<User>({ url, each: () => [1], required: true }),
  eachRequiredWhen: upstream<User>({ url, each: () => [1], required: true, when: () => true }),
  eachFallback: upstream<User>({ url, each: () => [1], fallback: [] }),
  eachOtherFallback: upstream<User, number>({ url, each: () => [1], fallback: 0 }),
  eachFallbackWhen: upstream<User>({ url, each: () => [1], fallback: [], when: () => true }),
};
type Typed = { -readonly [Name in keyof typeof typed]: DataOf<(typeof typed)[Name]> };
expectTypeOf<Typed>().toEqualTypeOf<{
  string: User | null;
  object: User | null;
  required: User;
  notRequired: User | null;
  requiredWhen: User | null;
  fallback: User;
  fallbackFunction: User;
  otherFallback: User | { anonymous: boolean };
  nullFallback: User | null;
  laterFallback: User | number;
  fallbackWhen: User | number | null;
  each: (User | null)[] | null;
  eachRequired: (User | null)[];
  eachRequiredWhen: (User | null)[] | null;
  eachFallback: (User | null)[];
  eachOtherFallback: (User | null)[] | number;
  eachFallbackWhen: (User | null)[] | null;
}>();

// @ts-expect-error: a fallback of another type has to be named
upstream<User>({ url, fallback: { anonymous: true } });
// @ts-expect-error: the url is missing
upstream<User>({ required: true });
// @ts-expect-error: an option with a typo
upstream<User>({ url, requird: true });

// In a map they mix with all others.
const mixed = mashup({
  user: upstream<User>({ url, required: true }),
  order: { url, schema: new OrderSchema() },
  raw: url,
});
expectTypeOf<MashupLocals<typeof mixed>>().toEqualTypeOf<
  { user: User; order: Order | null; raw: unknown } & {
    mashup: { user: Outcome<User>; order: Outcome<Order | null>; raw: Outcome<unknown> };
  }
>();

// With `into`, under that name.
const nested = mashup({ user: upstream<User>(url) }, { into: 'data' });
expectTypeOf<MashupLocals<typeof nested>>().toEqualTypeOf<
  { data: { user: User | null } } & { mashup: { user: Outcome<User | null> } }
>();

// A map that was made elsewhere keeps its types, where it is a constant …
const map = { user: { url, schema: userSchema, required: true } } as const;
const fromMap = mashup(map);
expectTypeOf<MashupLocals<typeof fromMap>['user']>().toEqualTypeOf<User>();

// … and otherwise what its compiler knows: `required` is a boolean then.
const loose = { user: { url, schema: userSchema, required: true } };
const fromLoose = mashup(loose);
expectTypeOf<MashupLocals<typeof fromLoose>['user']>().toEqualTypeOf<User | null>();

// What is deferred is a promise of what it would be.
const deferred = {
  bare: { url, defer: true },
  schema: { url, schema: userSchema, defer: true },
  fallback: { url, schema: userSchema, fallback: 0, defer: true },
  typed: upstream<User>({ url, defer: true }),
  typedFallback: upstream<User, number>({ url, fallback: 0, defer: true }),
  typedEach: upstream<User>({ url, each: () => [1], defer: true }),
  not: upstream<User>({ url, defer: false }),
} as const;
const late = mashup(deferred);
type Late = MashupLocals<typeof late>;
expectTypeOf<Late['bare']>().toEqualTypeOf<Promise<unknown>>();
expectTypeOf<Late['schema']>().toEqualTypeOf<Promise<User | null>>();
expectTypeOf<Late['fallback']>().toEqualTypeOf<Promise<User | 0>>();
expectTypeOf<Late['typed']>().toEqualTypeOf<Promise<User | null>>();
expectTypeOf<Late['typedFallback']>().toEqualTypeOf<Promise<User | number>>();
expectTypeOf<Late['typedEach']>().toEqualTypeOf<Promise<(User | null)[] | null>>();
expectTypeOf<Late['not']>().toEqualTypeOf<User | null>();
expectTypeOf<Late['mashup']['typed']>().toEqualTypeOf<Outcome<User | null>>();

// A fragment is a string, unless something else is made of it.
const fragments = mashup({
  fragment: { url, fragment: true },
  required: { url, fragment: true, required: true },
  late: { url, fragment: true, defer: true },
  each: { url, fragment: true, each: () => [1] },
  other: { url, fragment: true, transformResponse: (text: string) => text.length },
});
type Fragments = MashupLocals<typeof fragments>;
expectTypeOf<Fragments['fragment']>().toEqualTypeOf<string | null>();
expectTypeOf<Fragments['required']>().toEqualTypeOf<string>();
expectTypeOf<Fragments['late']>().toEqualTypeOf<Promise<string | null>>();
expectTypeOf<Fragments['each']>().toEqualTypeOf<(string | null)[] | null>();
expectTypeOf<Fragments['other']>().toEqualTypeOf<unknown>();
