/** Headers that should come once. A server and a proxy before it may both send one, and proxies join them with a comma. */
export const singles: ReadonlySet<string> = new Set([
  'age',
  'content-length',
  'content-location',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
  'location',
  'retry-after',
]);

// Dates contain it, and URLs may too, so a value is only split into equal parts.
const JOINT = ', ';
const MOST_TIMES = 4;

/** A value without its repetitions, if it consists of nothing else; otherwise the value as it is. */
export function once(value: string): string {
  if (!value.includes(JOINT)) return value;
  for (let times = 2; times <= MOST_TIMES; times++) {
    const part = value.slice(0, (value.length + JOINT.length) / times - JOINT.length);
    if (value === Array(times).fill(part).join(JOINT)) return part;
  }
  return value;
}

/** A header's value, or a member of its list, without the blanks around it. Other white space is part of it (RFC 9110, section 5.6.3). */
export function withoutBlanks(member: string): string {
  let start = 0;
  let end = member.length;
  while (start < end && isBlank(member.charCodeAt(start))) start++;
  while (end > start && isBlank(member.charCodeAt(end - 1))) end--;
  return member.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
