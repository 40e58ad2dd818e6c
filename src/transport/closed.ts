import { Failure } from '../errors.js';

/** The failure of everything that is still under way at the timeout of `close`. */
export const instanceClosed = new Failure('ERR_UPSTREAM_CANCELED', 'the instance was closed');

/** Tells whether the instance was closed with a timeout since a run began. Such a run sends nothing more. */
export interface Generations {
  /** The generation of the instance when the run began. */
  readonly generation: number;
  readonly instance: { readonly generation: number };
}

export function wasClosed({ generation, instance }: Generations): boolean {
  return generation !== instance.generation;
}
