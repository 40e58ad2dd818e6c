// What can be copied of a run: into a terminal, and into a test.
import { attemptErrors } from '../testing/faults.js';
import type { AttemptRecord, CallRecord, RunRecord } from './record.js';

/** A command that sends the request. What is secret was not kept: … stands for it. */
export function curlOf({ method, url }: AttemptRecord): string {
  const how = method === 'GET' ? '' : `-X ${method} `;
  return `curl -sS ${how}'${url.replaceAll("'", "'\\''")}'`;
}

/** What `mockUpstreams` of express-mashup/testing makes the same of. Data is not kept: it has to be filled in. */
export function fixtureOf({ calls }: RunRecord): string {
  const lines = [...calls.values()].map((call) => `  ${JSON.stringify(call.name)}: ${mockOf(call)},`);
  return `{\n${lines.join('\n')}\n}`;
}

function mockOf({ error, items, httpStatus, attempts }: CallRecord): string {
  if (items !== undefined) return '(request) => ({ /* the data of one item */ })';
  if (error === null) return '{ /* its data */ }';
  switch (error.code) {
    case 'ERR_UPSTREAM_STATUS':
      return `{ status: ${httpStatus ?? 500} }`;
    case 'ERR_UPSTREAM_TIMEOUT':
    case 'ERR_UPSTREAM_DEADLINE':
      return '{ stall: true }';
    case 'ERR_UPSTREAM_BODY':
      return "{ body: '{' }";
    case 'ERR_UPSTREAM_GRAPHQL':
      return '{ data: { /* what there was */ }, errors: [{}] }';
    default:
      break;
  }
  if ((attemptErrors as readonly string[]).includes(error.code)) return `{ error: ${JSON.stringify(error.code)} }`;
  return `{ /* its data */ } /* ${attempts === 0 ? 'not asked' : 'asked'}: ${error.code} */`;
}
