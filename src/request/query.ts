import { Axios } from 'axios';

// Not the instance that axios exports: its defaults are the application's to set, a baseURL included.
const plain = new Axios({});

/** Query parameters as axios writes them, with no `?` before them; '' if there are none. */
export function queryOf(params: object): string {
  return plain.getUri({ url: '', params }).slice(1);
}

/** A path and query with more query at its end. */
export function withQuery(path: string, query: string): string {
  if (query === '') return path;
  return path + (path.includes('?') ? '&' : '?') + query;
}
