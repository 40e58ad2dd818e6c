import { readFileSync } from 'node:fs';
import { pageDefaults } from '../config/defaults.js';

const { deadline, concurrency } = pageDefaults;

export const helpText = `express-mashup get URL… [options]
express-mashup check|serve|init [FILE]

Fetches all URLs in parallel, with one timeout over all of them, and prints a
line for each, in the order given: its status or what went wrong, the bytes of
its decoded body, its milliseconds, where they lie in the whole, and the URL.

  URL                   http or https; example.com is https, localhost:3000
                        http; - stands for the URLs on stdin, one a line
                        (blank lines and # comments are skipped)

  -t, --timeout TIME    over all URLs: 500, 500ms, 2s, 1.5s, 1m (${deadline})
  -c, --concurrency N   the most requests in flight at once (${concurrency})
  -H, --header LINE     send 'name: value' to every URL; may be repeated
      --compare         fetch them one after the other too, print both totals
      --json            print a JSON document instead: a list, an entry a URL
  -h, --help            print this
  -V, --version         print the version

check, serve and init are for pages that are described in a file, pages.json if
none is named: check says what is wrong with it and draws its pages, serve
serves them, and init writes a first one.

  -p, --port PORT       where serve listens (3000)
      --views FOLDER    where serve finds views (views)

Examples:
  express-mashup get example.com localhost:3000/health
  express-mashup get --compare -H 'authorization: Bearer x' - < urls.txt
  express-mashup get --json example.com | jq '.[].ms'

Ctrl-C prints what there is, and once more ends it.

Exit code: 0 if every URL was a success, 1 if one failed, 2 for wrong usage,
130 when interrupted.
`;

export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return version;
}
