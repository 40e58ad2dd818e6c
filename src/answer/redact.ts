// In all the spellings that a URL parser takes for it (http:user@host, http:\\user@host), and where only the scheme is missing.
const userInfo = /^(?:([a-z][a-z\d+.-]*:)[/\\]*|[/\\]{2,}|(?![/\\]))[^/\\]*@/i;

/** A URL as messages and outcomes may show it: no credentials, no fragment, and the names but not the values of a query. */
export function redactUrl(url: string): string {
  const text = url.replace(/\p{Cc}/gu, '').trimStart();
  const end = text.indexOf('#');
  const whole = end === -1 ? text : text.slice(0, end);
  const mark = whole.indexOf('?');
  const bare = (mark === -1 ? whole : whole.slice(0, mark)).replace(userInfo, '$1//');
  if (mark === -1) return bare;
  const names = whole
    .slice(mark + 1)
    .split('&')
    .map((pair) => (pair.includes('=') ? `${pair.slice(0, pair.indexOf('='))}=…` : '…'));
  return `${bare}?${names.join('&')}`;
}
