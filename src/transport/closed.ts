import { Failure } from '../errors.js';

/** What ends when an instance is closed with a time that has run out. */
export const instanceClosed = new Failure('ERR_UPSTREAM_CANCELED', 'the instance was closed');

/** What it takes to know whether the instance was closed so since a run began, which then sends nothing more. */
export interface Generations {
  /** That of the instance when it began. */
  readonly generation: number;
  readonly instance: { readonly generation: number };
}

export function wasClosed({ generation, instance }: Generations): boolean {
  return generation !== instance.generation;
}
