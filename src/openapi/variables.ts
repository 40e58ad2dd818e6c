// How the compiler checks the variables that are given to a GraphQL document.
import type { Awaitable, Context, FromContext } from '../types.js';

/** What no further type is inferred from. (`NoInfer` is of TypeScript 5.4.) */
export type Inferred<T> = [T][T extends unknown ? 0 : never];

/** None, or one argument: the variables, or a function that gives them. */
export type GivenVariables = readonly [] | readonly [object | ((context: Context) => Awaitable<object>)];

/** What may be given for these variables; or what is wrong with what is given, as the compiler says it. */
export type Checked<Variables, Given> = GivenVariables extends Given
  ? Unchecked<Variables>
  : Given extends readonly [infer One]
    ? readonly [One & CheckedOne<Variables, One>]
    : [Missing<Variables, object>] extends [never]
      ? unknown
      : `this document needs the variable '${Missing<Variables, object>}'`;

/** Where nothing was inferred: while the compiler tells the type of a function's parameter, and where type arguments are given. */
type Unchecked<Variables> = [Missing<Variables, object>] extends [never]
  ? readonly [] | readonly [FromContext<Variables>]
  : readonly [FromContext<Variables>];

type CheckedOne<Variables, Given> = [Missing<Variables, Given>] extends [never]
  ? [Unknown<Variables, Given>] extends [never]
    ? FromContext<Variables>
    : `this document has no variable '${Unknown<Variables, Given>}'`
  : `this document needs the variable '${Missing<Variables, Given>}'`;

type Missing<Variables, Given> = Exclude<Needed<Variables>, keyof Values<Given>> & string;
type Unknown<Variables, Given> = Exclude<keyof Values<Given>, keyof Variables> & string;

type Values<Given> = Given extends (context: Context) => infer R ? Awaited<R> : Given;

/** The names of variables that may not be left out. */
type Needed<Variables> = {
  [Name in keyof Variables]-?: Record<never, never> extends Pick<Variables, Name> ? never : Name;
}[keyof Variables];
