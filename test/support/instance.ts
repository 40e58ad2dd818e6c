import { MashupInstance } from '../../src/instance.js';
import { mashupOn } from '../../src/mashup.js';
import type { Mashup } from '../../src/page-types.js';

/** An instance of given parts, such as a clock that a test moves; the others are the usual ones. */
export function mashupWith(parts: ConstructorParameters<typeof MashupInstance>[0]): Mashup {
  return mashupOn(new MashupInstance(parts));
}
