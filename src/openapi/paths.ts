// What the compiler makes of `paths`, the type that openapi-typescript makes of an OpenAPI document.

/** The methods that an API has, in lower case. */
export type MethodOf<Paths> = {
  [Path in keyof Paths]: {
    [Key in keyof Paths[Path]]-?: NonNullable<Paths[Path][Key]> extends Operation ? Key : never;
  }[keyof Paths[Path]];
}[keyof Paths] &
  string;

interface Operation {
  readonly responses: unknown;
}

/** What is wrong with a template, as the compiler says it; never where nothing is. */
export type Problem<Paths, T extends string, M extends string> = [PathOf<Paths, T>] extends [never]
  ? `'${T}' is not a path of this API`
  : [OperationOf<Paths, T, M>] extends [never]
    ? `'${PathOf<Paths, T>}' has no ${Uppercase<M>}`
    : [Unknown<Paths, T, M>] extends [never]
      ? never
      : `'${Unknown<Paths, T, M>}' is not a query parameter of ${Uppercase<M>} ${PathOf<Paths, T>}`;

/** Names in the template's query that the operation does not have. What is percent-encoded is not compared. */
type Unknown<Paths, T extends string, M extends string> = Exclude<
  QueryNames<T>,
  QueryOf<OperationOf<Paths, T, M>> | QueryOf<Paths[PathOf<Paths, T> & keyof Paths]> | `${string}%${string}`
>;

type QueryOf<O> = O extends { readonly parameters: { readonly query?: infer Query } }
  ? KeyOf<NonNullable<Query>>
  : never;

/** `query?: never` says that there are none. */
type KeyOf<Query> = [Query] extends [never] ? never : keyof Query;

type OperationOf<Paths, T extends string, M extends string> = Paths[PathOf<Paths, T> & keyof Paths] extends {
  readonly [Key in M]?: infer Found;
}
  ? Extract<Found, Operation>
  : never;

/** The path of the API that a template is of: the one of the same form, or else one that has parameters where it has values. */
type PathOf<Paths, T extends string> =
  Exactly<Paths, FormOf<T>> extends infer Exact
    ? [Exact] extends [never]
      ? Loosely<Paths, FormOf<T>>
      : Exact & string
    : never;

type Exactly<Paths, Form extends string> = {
  [Path in keyof Paths & string]: Holes<Path> extends Form ? Path : never;
}[keyof Paths & string];

type Loosely<Paths, Form extends string> = {
  [Path in keyof Paths & string]: Fits<Form, Holes<Path>> extends true ? Path : never;
}[keyof Paths & string];

/** Whether a path has the same segments, or any where `Path` has a parameter. */
type Fits<Form extends string, Path extends string> = Path extends `${infer Segment}/${infer Rest}`
  ? Form extends `${infer Own}/${infer OwnRest}`
    ? FitsSegment<Own, Segment> extends true
      ? Fits<OwnRest, Rest>
      : false
    : false
  : Form extends `${string}/${string}`
    ? false
    : FitsSegment<Form, Path>;

type FitsSegment<Own extends string, Segment extends string> = Own extends Segment
  ? true
  : Own extends ''
    ? false
    : Segment extends `${infer Before}{}${infer After}`
      ? Own extends `${Before}${string}${After}`
        ? true
        : false
      : false;

/** A template without its query, with `{}` for each variable of its path. */
type FormOf<T extends string> = WithoutText<Holes<Slashes<Left<T>>>>;

type WithoutText<T extends string> = T extends `${infer Path}?${string}` ? Path : T;

/** Without the expressions that make a query or a fragment. */
type Left<T extends string> = T extends `${infer Before}{${'?' | '&' | '#'}${infer Rest}`
  ? Rest extends `${string}}${infer After}`
    ? Left<`${Before}${After}`>
    : Before
  : T;

/** `{/x}` as `/{x}`. */
type Slashes<T extends string> = T extends `${infer Before}{/${infer After}` ? `${Before}/{${Slashes<After>}` : T;

/** `{}` for each expression. */
type Holes<T extends string> = T extends `${infer Before}{${string}}${infer After}` ? `${Before}{}${Holes<After>}` : T;

type QueryNames<T extends string> = InExpressions<T> | InText<Holes<Left<T>>>;

type InExpressions<T extends string> = T extends `${string}{${'?' | '&'}${infer Rest}`
  ? Rest extends `${infer List}}${infer After}`
    ? NamesOf<List> | InExpressions<After>
    : never
  : never;

type NamesOf<List extends string> = List extends `${infer First},${infer Rest}`
  ? LastOf<Plain<First>> | NamesOf<Rest>
  : LastOf<Plain<List>>;

/** Without modifiers: `x*`, `x:3`, `x?`. */
type Plain<Variable extends string> = Variable extends `${infer Name}${'*' | '?' | ':'}${string}` ? Name : Variable;

type LastOf<Name extends string> = Name extends `${string}.${infer Rest}` ? LastOf<Rest> : Name;

type InText<T extends string> = T extends `${string}?${infer Query}` ? KeysOf<Query> : never;

type KeysOf<Query extends string> = Query extends `${infer First}&${infer Rest}`
  ? NameOf<First> | KeysOf<Rest>
  : NameOf<Query>;

type NameOf<Pair extends string> = Pair extends '' ? never : Pair extends `${infer Key}=${string}` ? Key : Pair;

/** The data that an operation answers with. */
export type BodyOf<Paths, T extends string, M extends string> =
  OperationOf<Paths, T, M> extends {
    readonly responses: infer Responses;
  }
    ? Responses extends { readonly 200: infer Answer }
      ? ContentOf<Answer>
      : ContentOf<Responses[SuccessOf<Responses>]>
    : unknown;

type Success = 201 | 202 | 203 | 204 | 205 | 206 | 207 | 208 | 226 | '2XX' | '2xx';

/** What `default` describes are the errors where a success is there beside it. */
type SuccessOf<Responses> = [keyof Responses & Success] extends [never]
  ? keyof Responses & 'default'
  : keyof Responses & Success;

type ContentOf<Answer> = [Answer] extends [never]
  ? unknown
  : Answer extends { readonly content: infer Content }
    ? [JsonOf<Content>] extends [never]
      ? { [Type in keyof Content]: DataOf<Type> }[keyof Content]
      : JsonOf<Content>
    : null;

/** JSON comes first in the Accept header that is sent, so that what there is besides is not what comes. */
type JsonOf<Content> = {
  [Type in keyof Content]: Type extends `${string}json${string}` ? Content[Type] : never;
}[keyof Content];

/** What data of another content type is decoded to. */
type DataOf<Type> = Type extends `text/${string}` | `${string}xml${string}` ? string : unknown;
