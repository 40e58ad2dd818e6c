// What stands before a path, as people write it: `example.com/a`, `localhost:3000`, `[::1]:80`.
const bare = /^(\[[\da-f:.]+\]|[a-z\d](?:[\w.-]*[a-z\d])?)(?::\d{1,5})?(?:[/?#]|$)/i;
const loopback = /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|0\.0\.0\.0|\[::1\])$/i;

/** A URL as it was meant: without a scheme, https is, and http for this machine. */
export function withScheme(text: string): string {
  const [, host] = bare.exec(text) ?? [];
  // Without a dot or a port, it may be anything.
  const isHost = host !== undefined && (loopback.test(host) || /[.:]/.test(text.slice(0, text.search(/[/?#]|$/))));
  if (host === undefined || !isHost) return text;
  return `${loopback.test(host) ? 'http' : 'https'}://${text}`;
}
