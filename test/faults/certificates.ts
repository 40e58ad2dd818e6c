// X.509 certificates for one test run, made by hand: node:crypto reads them but does not make any.
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

export interface Identity {
  readonly name: string;
  readonly key: KeyObject;
  readonly certificate: string;
}

export interface CertificateOptions {
  /** Who signs it; itself, if nobody. */
  readonly issuer?: Identity;
  /** Names and addresses that it is for. */
  readonly hosts?: readonly string[];
  /** Days from now. */
  readonly from?: number;
  readonly to?: number;
  readonly authority?: boolean;
}

export function makeIdentity(name: string, options: CertificateOptions = {}): Identity {
  const { issuer, hosts = [], from = -1, to = 30, authority = false } = options;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(objectId(1, 2, 840, 10045, 4, 3, 2)); // ecdsa-with-SHA256
  const extensions = [extension([2, 5, 29, 19], sequence(...(authority ? [node(0x01, Buffer.from([0xff]))] : [])))];
  if (hosts.length > 0) extensions.push(extension([2, 5, 29, 17], sequence(...hosts.map(alternativeName))));
  const content = sequence(
    node(0xa0, node(0x02, Buffer.from([2]))),
    node(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    distinguishedName(issuer?.name ?? name),
    sequence(time(from), time(to)),
    distinguishedName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    node(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', content, issuer?.key ?? privateKey);
  const der = sequence(content, algorithm, node(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return { name, key: privateKey, certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n` };
}

function node(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return node(0x30, Buffer.concat(parts));
}

function objectId(first: number, second: number, ...rest: number[]): Buffer {
  const bytes = rest.flatMap((value) => {
    const groups = [value & 127];
    for (let left = value >> 7; left > 0; left >>= 7) groups.unshift((left & 127) | 128);
    return groups;
  });
  return node(0x06, Buffer.from([first * 40 + second, ...bytes]));
}

function distinguishedName(name: string): Buffer {
  return sequence(node(0x31, sequence(objectId(2, 5, 4, 3), node(0x0c, Buffer.from(name)))));
}

function extension(id: [number, number, ...number[]], value: Buffer): Buffer {
  return sequence(objectId(...id), node(0x04, value));
}

function alternativeName(host: string): Buffer {
  return isIP(host) === 4 ? node(0x87, Buffer.from(host.split('.').map(Number))) : node(0x82, Buffer.from(host));
}

function time(days: number): Buffer {
  const date = new Date(Date.now() + days * 86_400_000);
  return node(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replace(/[-T:]/g, '')}Z`));
}
