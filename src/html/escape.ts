const special = /[&<>"']/;

/** Text as the content of an element, or as the value of an attribute in quotes. */
export function escapeHtml(text: string): string {
  if (!special.test(text)) return text;
  let escaped = '';
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const reference = referenceOf(text.charCodeAt(at));
    if (reference === '') continue;
    escaped += text.slice(start, at) + reference;
    start = at + 1;
  }
  return escaped + text.slice(start);
}

function referenceOf(code: number): string {
  switch (code) {
    case 34:
      return '&quot;';
    case 38:
      return '&amp;';
    case 39:
      return '&#39;';
    case 60:
      return '&lt;';
    case 62:
      return '&gt;';
    default:
      return '';
  }
}

/** What stands in place of a URL that would run a script. */
export const unsafeUrl = 'about:invalid';

// URL parsers leave out tabs and line breaks anywhere, and controls and blanks before (WHATWG URL, "basic URL parser").
const breaks = /[\t\n\r]/g;
const blanks = /^[\0- ]+/;

/** Whether a URL runs no script, whoever chose it: one without a scheme, or with one that shows or fetches something. */
export function safeUrl(url: string): boolean {
  // Most begin with a letter of `http` or with a slash.
  if (url.startsWith('/') || url.startsWith('https://')) return true;
  const [, scheme] = /^([a-z][a-z\d+.-]*):/i.exec(url.replace(breaks, '').replace(blanks, '')) ?? [];
  if (scheme === undefined) return true;
  if (/^data$/i.test(scheme)) return /^data:image\/(?:png|gif|jpeg|webp|avif)[;,]/i.test(url);
  return !/^(?:javascript|vbscript)$/i.test(scheme);
}
