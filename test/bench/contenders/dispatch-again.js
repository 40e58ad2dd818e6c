// The base once more, in a process of its own: how far its ratio is from 1 is this run's own noise.
export { default } from './dispatch.js';
