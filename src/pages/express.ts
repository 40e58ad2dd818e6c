// The one file that knows Express when it runs, and not only its types.
export { default as express } from 'express';
