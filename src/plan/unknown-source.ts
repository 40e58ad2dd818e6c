import { shown } from '../shown.js';
import { didYouMean } from './suggest.js';

const requestSources = ['params', 'query', 'locals'];
// What others call the request and the response, and where a template finds what is meant.
const aliases: Readonly<Record<string, string>> = {
  req: 'the request is read as {params.id} and {?query.id}',
  request: 'the request is read as {params.id} and {?query.id}',
  res: 'what res.locals has is read as {locals.id}',
  response: 'what res.locals has is read as {locals.id}',
  body: 'no template reads the body of the request: put what you need into res.locals and read {locals.id}',
  headers: 'no template reads headers: pass them on with `forward`',
  cookies: 'no template reads cookies: put what you need into res.locals and read {locals.id}',
  session: 'no template reads the session: put what you need into res.locals and read {locals.id}',
};
const mostListed = 8;

/**
 * What to say of a variable whose first segment, `source`, is the name of nothing. `self` is the upstream that the variable
 * belongs to: that it could read itself is never suggested.
 */
export function unknownSource(source: string, known: { upstreams: readonly string[] }, self: string): string {
  const name = shown(source, 40);
  const what = `'${name}' is not something that can be read here`;
  const alias = Object.hasOwn(aliases, source) ? aliases[source] : undefined;
  if (alias !== undefined) return `${what}: ${alias}`;
  const readable = [...requestSources, ...known.upstreams.filter((upstream) => upstream !== self)];
  const near = source.length > 40 ? '' : didYouMean(source, readable);
  if (near.startsWith(':')) return `${what}${shown(near)}`;
  const listed = readable.slice(0, mostListed).map((one) => shown(one, 40));
  const more = readable.length > mostListed ? ` and ${readable.length - mostListed} more` : '';
  return `${what}: for a parameter of the route write {params.${name}}; known are ${listed.join(', ')}${more}`;
}
