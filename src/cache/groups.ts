// Cache groups (RFC 9875), and what a request that changes something makes stale (RFC 9111, section 4.4).

/** As many as have to be supported, each as long as has to be (RFC 9875, section 2). */
const MOST_GROUPS = 32;
const member = /\s*"((?:[ !#-[\]-~]|\\["\\]){0,256})"\s*(?:,|$)/y;

/** The strings in a list of them (RFC 9651, section 3.1); none where it is not well formed. */
function readGroups(header: string | null): string[] {
  if (header === null) return [];
  const groups: string[] = [];
  member.lastIndex = 0;
  while (member.lastIndex < header.length && groups.length < MOST_GROUPS) {
    const found = member.exec(header);
    if (found === null) return [];
    groups.push((found[1] as string).replace(/\\(.)/g, '$1'));
  }
  return groups;
}

interface Head {
  header(name: string): string | null;
}

/** The groups of an answer. */
export function groupsOf(answer: Head): string[] {
  return readGroups(answer.header('cache-groups'));
}

/** The groups that an answer makes stale. */
export function staleGroups(answer: Head): string[] {
  return readGroups(answer.header('cache-group-invalidation'));
}

/** The URLs that a request for one has made stale: its own, and those of the same origin that its answer names. */
export function staleUrls(url: string, answer: Head): string[] {
  const { origin } = new URL(url);
  const named = ['location', 'content-location'].flatMap((name) => answer.header(name) ?? []);
  const others = named.flatMap((text) => (URL.canParse(text, url) ? new URL(text, url) : []));
  return [
    url,
    ...others.filter((other) => other.origin === origin).map(({ pathname, search }) => origin + pathname + search),
  ];
}
