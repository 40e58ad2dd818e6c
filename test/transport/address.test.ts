import { isBlockedLiteral, isPublicAddress } from '../../src/transport/address.js';

/** What stands in an address bar for something that is no public host: as a URL has it after parsing. */
function blocks(host: string): boolean {
  return isBlockedLiteral(new URL(`http://${host}/`).hostname);
}

const refused: Record<string, readonly string[]> = {
  'loopback, however it is spelled': [
    '127.0.0.1',
    '127.1',
    '127.0.1',
    '127.255.255.254',
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0x7F.1',
    '0177.0.0.1',
    '017700000001',
    '127.0.0.0x1',
    '127.0.0.1.',
    '%31%32%37.0.0.1',
    '１２７.０.０.１',
    '127。0。0。1',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[0000:0000:0000:0000:0000:0000:0000:0001]',
  ],
  'this host, and this network': ['0.0.0.0', '0', '0x0', '0.0.0.1', '0.255.255.255', '[::]', '[0::0]'],
  'private networks': [
    '10.0.0.0',
    '10.255.255.255',
    '167772161',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '192.168.255.255',
    '0xc0a80001',
    '[fc00::1]',
    '[fd00::1]',
    '[fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]',
    '[fec0::1]',
  ],
  'link-local, and the metadata of clouds': [
    '169.254.0.1',
    '169.254.169.254',
    '2852039166',
    '0xa9fea9fe',
    '0251.0376.0251.0376',
    '169.254.170.2',
    '168.63.129.16',
    '100.100.100.200',
    '192.0.0.192',
    '[fe80::1]',
    '[fe80::a9fe:a9fe]',
    '[febf::1]',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
  ],
  'carrier-grade NAT': ['100.64.0.0', '100.64.0.1', '100.127.255.255'],
  'documentation and benchmarks': [
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.255',
    '198.18.0.1',
    '198.19.255.255',
    '[2001:db8::1]',
    '[3fff::1]',
    '[3fff:fff::1]',
  ],
  'multicast, broadcast and reserved': [
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '4294967295',
    '192.0.0.1',
    '192.88.99.1',
    '[ff02::1]',
    '[ff0e::1]',
    '[100::1]',
    '[4000::1]',
    '[5f00::1]',
    '[8000::1]',
  ],
  'IPv6 that embeds a private IPv4 address': [
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:ffff:a9fe:a9fe]',
    '[::ffff:10.0.0.1]',
    '[::ffff:0:127.0.0.1]',
    '[::127.0.0.1]',
    '[::7f00:1]',
    '[::10.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b::10.0.0.1]',
    '[64:ff9b:1::10.0.0.1]',
    '[2002:7f00:1::]',
    '[2002:a9fe:a9fe::1]',
    '[2001:0:7f00:1::]',
    '[2001:0:4136:e378:8000:63bf:3fff:fdd2]',
    '[fe80::5efe:127.0.0.1]',
  ],
};

const passed = [
  '100.63.255.254',
  '100.128.0.1',
  '172.15.255.255',
  '172.32.0.1',
  '8.8.8.8',
  '134744072',
  '1.1.1.1',
  '9.255.255.255',
  '11.0.0.1',
  '126.255.255.255',
  '128.0.0.1',
  '169.253.255.255',
  '169.255.0.1',
  '191.255.255.255',
  '192.0.1.1',
  '192.167.255.255',
  '192.169.0.1',
  '198.17.255.255',
  '198.20.0.1',
  '223.255.255.254',
  '[2606:4700::1111]',
  '[2001:4860:4860::8888]',
  '[2a00:1450:4001:81b::200e]',
  '[2001:200::1]',
  '[3ffe::1]',
  '[::ffff:8.8.8.8]',
  '[64:ff9b::8.8.8.8]',
];

describe('IP literals of URLs', () => {
  test('at least sixty spellings are tried', () => {
    expect(new Set(Object.values(refused).flat()).size).toBeGreaterThan(60);
  });

  describe.each(Object.entries(refused))('%s', (_, hosts) => {
    test.each(hosts)('%s is refused', (host) => expect(blocks(host)).toBe(true));
  });

  test.each(passed)('%s is public', (host) => expect(blocks(host)).toBe(false));

  test.each(['localhost', 'example.com', 'a.127.0.0.1.example', 'xn--nxasmq6b'])(
    '%s is a name, which is judged when it is looked up',
    (host) => expect(blocks(host)).toBe(false),
  );
});

describe('addresses, as a look-up gives them', () => {
  test.each(['8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8'])('%s is public', (address) =>
    expect(isPublicAddress(address)).toBe(true),
  );

  test.each(['127.0.0.1', '::1', 'fe80::1%eth0', '2606:4700::1111%eth0', '::ffff:127.0.0.1', '::ffff:7f00:1'])(
    '%s is not',
    (address) => expect(isPublicAddress(address)).toBe(false),
  );

  test.each(['', 'localhost', '8.8.8.8.8', '[::1]', '1::2::3', '8.8.8.8/8', ' 8.8.8.8'])('%p is none', (address) =>
    expect(isPublicAddress(address)).toBe(false),
  );
});
