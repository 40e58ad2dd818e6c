import { BlockList, isIP } from 'node:net';

// IANA's registries of special-purpose addresses (RFC 6890 and its updates), and what is not unicast (RFC 1112, RFC 4291).
const notPublic4 = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private (RFC 1918)
  '100.64.0.0/10', // carrier-grade NAT (RFC 6598)
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // a cloud's metadata and health service, on a public-looking address
  '169.254.0.0/16', // link-local, metadata services included (RFC 3927)
  '172.16.0.0/12', // private (RFC 1918)
  '192.0.0.0/24', // IETF protocol assignments
  '192.0.2.0/24', // documentation (RFC 5737)
  '192.31.196.0/24', // AS112 (RFC 7535)
  '192.52.193.0/24', // AMT relays (RFC 7450)
  '192.88.99.0/24', // 6to4 relays, deprecated (RFC 7526)
  '192.168.0.0/16', // private (RFC 1918)
  '192.175.48.0/24', // AS112 (RFC 7534)
  '198.18.0.0/15', // benchmarks (RFC 2544)
  '198.51.100.0/24', // documentation (RFC 5737)
  '203.0.113.0/24', // documentation (RFC 5737)
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
];
const notPublic6 = [
  '2001::/23', // IETF protocol assignments, Teredo included
  '2001:db8::/32', // documentation (RFC 3849)
  '2002::/16', // 6to4 (RFC 3056)
  '2620:4f:8000::/48', // AS112 (RFC 7534)
  '3fff::/20', // documentation (RFC 9637)
];

// Where the last 32 bits are the IPv4 address that is meant: IPv4-mapped, and the well-known prefix of networks that have
// IPv6 only (NAT64, RFC 6052, section 2.1). An address in them is judged by that one.
const embeddings = ['::ffff:', '64:ff9b::'];

const globalUnicast6 = blockList(['2000::/3', ...embeddings.map((prefix) => `${prefix}0.0.0.0/96`)]);
const refused4 = blockList(notPublic4);
const refused6 = blockList([
  ...notPublic6,
  ...embeddings.flatMap((prefix) => notPublic4.map((range) => embedded(prefix, range))),
]);

function embedded(prefix: string, range: string): string {
  const [address, bits] = range.split('/');
  return `${prefix}${address}/${96 + Number(bits)}`;
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    list.addSubnet(address, Number(bits), isIP(address) === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** Whether an IP address (no name, no brackets) is a public unicast one. With a zone it is not. */
export function isPublicAddress(address: string): boolean {
  if (address.includes('%')) return false;
  const family = isIP(address);
  if (family === 4) return !refused4.check(address, 'ipv4');
  // Everything outside 2000::/3 is not global unicast (RFC 4291, section 2.4).
  return family === 6 && globalUnicast6.check(address, 'ipv6') && !refused6.check(address, 'ipv6');
}

/** The refusal of an address that is not public, in the form that sockets pass on. */
export class BlockedError extends Error {
  constructor(hostname: string) {
    super(`${hostname} is not a public internet address`);
  }
}

/**
 * Whether a URL's hostname is an IP literal that is not public. Names are judged when they are looked up.
 */
export function isBlockedLiteral(hostname: string): boolean {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return isIP(bare) !== 0 && !isPublicAddress(bare);
}
