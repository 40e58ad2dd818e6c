import { arch, cpus, platform } from 'node:os';
import { type CaseResult, keepsConnection } from './run-case.js';
import { deadline, type FaultCase, type FaultGroup } from './upstreams.js';

export interface CaseResults {
  readonly lone: readonly CaseResult[];
  readonly between: readonly CaseResult[];
}

/** How often each case is run when the table is written. */
export const rounds = 3;

/** The measured catalogue, as Markdown. */
export function catalogueTable(groups: readonly FaultGroup[], results: ReadonlyMap<FaultCase, CaseResults>): string {
  const rows = groups.flatMap(({ name, cases }) => [
    `\n## ${name[0]?.toUpperCase()}${name.slice(1)}\n`,
    '| The upstream | Outcome | Alone | With siblings | Connection |',
    '| --- | --- | ---: | ---: | --- |',
    ...cases.map((fault) => row(fault, results.get(fault) as CaseResults)),
  ]);
  const machine = `Node ${process.version}, ${platform()} ${arch()}, ${cpus().length} cores`;
  return `${introduction}\nMeasured on ${machine}.\n${rows.join('\n')}\n${rest}`;
}

function row(fault: FaultCase, { lone, between }: CaseResults): string {
  const times = [lone, between].map((results) => `${median(results).toFixed(0)} ms`);
  const { code } = lone[0]?.first.outcomes['faulty'] ?? {};
  const kept = keepsConnection(fault) ? 'kept' : 'closed';
  return `| ${fault.name} | ${code ? `\`${code}\`` : 'success'} | ${times.join(' | ')} | ${fault.refused ? 'none' : kept} |`;
}

function median(results: readonly CaseResult[]): number {
  const times = results.map(({ first }) => first.elapsed).sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)] as number;
}

const introduction = `# What a sick upstream does to a page

Every case is a test over raw sockets (\`test/faults\`): through a page in an Express app, once with the sick upstream alone and
once between two healthy ones. Each time, the outcome is the one in the table; the handler runs exactly once; the siblings'
data is there; where the connection is said to be closed it is gone within a second; no promise is rejected without a handler;
and the next request to the same upstream, healthy by then, gets its own answer and nothing of the last.

The times are from before the middleware to the handler, the median of ${rounds} rounds, with the upstreams in the same process.
Where the outcome is \`ERR_UPSTREAM_DEADLINE\` the page's deadline is
${deadline} ms, and none was later than ${deadline + 100} ms. Elsewhere it is far away, so the time is what it takes to notice.

This page is written by the tests: \`MASHUP_WRITE_FAULTS=1 npm test -- test/faults/catalogue\`.
`;

const rest = `
## Elsewhere

| What | Outcome | Test |
| --- | --- | --- |
| TLS: expired, not valid yet, self-signed, of another authority, for another host, not TLS at all | \`ERR_UPSTREAM_CONNECT\` | \`tls\` |
| TLS: accepted, and then no handshake | \`ERR_UPSTREAM_DEADLINE\` | \`tls\` |
| DNS: no such name, a failing server | \`ERR_UPSTREAM_CONNECT\` | \`dns\` |
| DNS: no answer before the deadline | \`ERR_UPSTREAM_DEADLINE\` | \`dns\` |
| \`origins: 'public'\`: a private address, in any spelling, or among public ones, or after a public one | \`ERR_UPSTREAM_BLOCKED\`, and no connection is attempted | \`dns\` |
| Redirects to a port or origin that is not listed | \`ERR_UPSTREAM_BLOCKED\`, and it is never touched | \`dns\` |
| Attacks from the client's side: on hosts, paths, queries, headers | \`ERR_UPSTREAM_URL\`, or harmless | \`client\` |
| An answer that nobody asked for on an idle connection, while the event loop is busy | success, with the page's own data | \`stray\` |

## What no HTTP/1.1 client can notice

An answer that nobody asked for and that comes *after* the request was written, but before the true answer, is taken for it:
nothing in HTTP/1.1 tells them apart. What came before the request was written is noticed and its connection dropped, with two
exceptions: what came in the very turn of the event loop in which the request is written, if that turn was shorter than 10 ms;
and, if two turns in a row were longer, what came in the second of them. The connections of a \`dispatcher\` of your own are its
matter.

A body that has neither a length nor chunks ends when the connection is closed. If that is too soon, only the format of the body
can tell. (A reset does not count as an end.)
`;
