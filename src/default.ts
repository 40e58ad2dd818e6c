import { MashupInstance } from './instance.js';
import { mashupOn } from './mashup.js';

/** What pages of `mashup`, and multiGet, share. */
export const defaultInstance = new MashupInstance();

/** Makes pages on the default instance. */
export const mashup = mashupOn(defaultInstance);
