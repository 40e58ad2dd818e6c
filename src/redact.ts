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

// Of databases, caches and queues as well. Not what is behind a quote or a bracket: URLs stand in them in messages.
const url = /\b(?:https?:|[a-z][a-z\d+.-]{0,30}:[/\\]{2})[^\s'"<>`]+/gi;

// And where no scheme tells that it is a URL.
const user = /[^\s'"<>`/\\:@]*:[^\s'"<>`/\\@]+@/g;

const credentials = /\b(bearer|basic|digest|negotiate|apikey)\s+[^\s,;'"]+/gi;

/** Longer text is cut first: what people throw may quote what an upstream sent, and to search that takes seconds. */
const MOST = 1000;

/**
 * The beginning of somebody else's text: every URL in it as it may be shown, and no credentials as an Authorization header
 * has them.
 */
export function redactText(text: string): string {
  // What is cut off may be the rest of a URL, by which it would be known that there is a password in it.
  const beginning = text.length <= MOST ? text : `${text.slice(0, MOST).replace(/:\S*$/, '')}…`;
  return beginning.replace(url, redactUrl).replace(user, '…@').replace(credentials, '$1 …');
}
