import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { BlockedError } from './causes.js';

// What ipaddr.js counts as unicast although nobody on the public internet answers there, or although it leads to an IPv4
// address that this page decides on instead. IANA's special-purpose registries, RFC 6890 and its updates.
const notPublic = [
  '192.0.0.0/24', // IETF protocol assignments
  '192.88.99.0/24', // 6to4 relays, deprecated (RFC 7526)
  '198.18.0.0/15', // benchmarks (RFC 2544)
  '168.63.129.16/32', // a cloud's metadata and health service, on a public-looking address
  '2001::/23', // IETF protocol assignments, Teredo included
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4 (RFC 3056)
  '3fff::/20', // documentation (RFC 9637)
].map((range) => ipaddr.parseCIDR(range));

// The well-known prefix of networks that have IPv6 only: the last 32 bits are the IPv4 address (RFC 6052, section 2.1).
const nat64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

/**
 * Whether an IP address (no name, no brackets) is a public unicast one. IPv6 forms that embed an IPv4 address are judged
 * by that address where they are translated to it (NAT64, RFC 6052), and refused otherwise.
 */
export function isPublicAddress(address: string): boolean {
  const zone = address.indexOf('%');
  if (zone !== -1 || !ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv6) {
    if (parsed.isIPv4MappedAddress()) return isPublicAddress(parsed.toIPv4Address().toString());
    if (parsed.match(...nat64)) return isPublicAddress(new ipaddr.IPv4(parsed.toByteArray().slice(12)).toString());
    // Only 2000::/3 is global unicast (RFC 4291, section 2.4); IPv4-compatible and all else is not.
    if (((parsed.parts[0] ?? 0) & 0xe000) !== 0x2000) return false;
  }
  if (parsed.range() !== 'unicast') return false;
  return !notPublic.some(([range, bits]) => range.kind() === parsed.kind() && parsed.match(range, bits));
}

/**
 * A host name as a URL has it, when it is an IP literal that may not be connected to. Names are judged when they are
 * looked up, by {@link publicLookup}: sockets call no lookup for a literal.
 */
export function isBlockedLiteral(hostname: string): boolean {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return isIP(bare) !== 0 && !isPublicAddress(bare);
}

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/**
 * A `lookup` for sockets that refuses a name unless all its addresses are public. The socket connects to the addresses
 * that were checked: it does not ask again.
 */
export function publicLookup(hostname: string, options: LookupOptions, callback: LookupCallback): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const first = addresses?.[0];
    if (error !== null) callback(error, []);
    else if (first === undefined || !addresses.every(({ address }) => isPublicAddress(address))) {
      callback(new BlockedError(hostname), []);
    } else if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
}
