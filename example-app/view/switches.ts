/** A link that makes a service sick, or well again. */
export interface Switch {
  label: string;
  href: string;
  on: boolean;
}

const choices: readonly [label: string, kind: 'slow' | 'fail', what: string][] = [
  ['slow weather', 'slow', 'weather:3000'],
  ['slow news', 'slow', 'news:3000'],
  ['failing news', 'fail', 'news'],
  ['air hangs up', 'fail', 'air:reset'],
  ['slow countries', 'slow', 'countries:3000'],
  ['slow cities', 'slow', 'cities:3000'],
];

/** The switches under the waterfall: each keeps the others as they are, and its place on the page. */
export function switches(query: Readonly<Record<string, unknown>>): Switch[] {
  const given = { slow: listOf(query['slow']), fail: listOf(query['fail']) };
  const all = choices.map(([label, kind, what]) => {
    const on = given[kind].includes(what);
    const others = given[kind].filter((one) => one !== what);
    return { label, on, href: hrefOf({ ...given, [kind]: on ? others : [...others, what] }) };
  });
  const isWell = given.slow.length + given.fail.length === 0;
  return [...all, { label: 'all well', on: isWell, href: hrefOf({ slow: [], fail: [] }) }];
}

function hrefOf({ slow, fail }: Record<'slow' | 'fail', readonly string[]>): string {
  const query = new URLSearchParams();
  if (slow.length > 0) query.set('slow', slow.join(','));
  if (fail.length > 0) query.set('fail', fail.join(','));
  return `?${query}#time`;
}

function listOf(value: unknown): string[] {
  return [value].flat().flatMap((one) => (typeof one === 'string' && one !== '' ? one.split(',') : []));
}
