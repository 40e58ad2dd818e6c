// In every spelling that a URL parser accepts (http:user@host, http:\\user@host), and without a scheme too.
const userInfo = /^(?:([a-z][a-z\d+.-]*:)[/\\]*|[/\\]{2,}|(?![/\\]))[^/\\]*@/i;

// After a plain authority, an @ belongs to the path or query. After anything else, it may end a password.
const plainAuthority = /^(?:https?:)?\/\/(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?(?:[/?]|$)/i;

/** A URL as messages and outcomes may show it: no credentials, no fragment, and the names but not the values of a query. */
export function redactUrl(url: string): string {
  const text = url.replace(/\p{Cc}/gu, '').trimStart();
  const end = text.indexOf('#');
  const whole = end === -1 ? text : text.slice(0, end);
  const mark = whole.indexOf('?');
  let bare = (mark === -1 ? whole : whole.slice(0, mark)).replace(userInfo, '$1//');
  if (bare.includes('@') && !plainAuthority.test(bare)) bare = `…${bare.slice(bare.lastIndexOf('@') + 1)}`;
  if (mark === -1) return bare;
  const names = whole
    .slice(mark + 1)
    .split('&')
    .map((pair) => (pair.includes('=') ? `${pair.slice(0, pair.indexOf('='))}=…` : '…'));
  return `${bare}?${names.join('&')}`;
}

// Ends at a quote or bracket: messages put URLs in them.
const url = /\bhttps?:[^\s'"<>`]+/gi;

const credentials = /\b(bearer|basic|digest|negotiate) +[^\s,;'"]+/gi;

/** Text of somebody else's: every URL in it as it may be shown, and no credentials as an Authorization header has them. */
export function redactText(text: string): string {
  return text.replace(url, redactUrl).replace(credentials, '$1 …');
}
