import type { LookupAddress } from 'node:dns';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

const require = createRequire(import.meta.url);
const dns = require('node:dns') as { lookup: (name: string, ...rest: unknown[]) => void; Resolver: unknown };
const net = require('node:net') as typeof import('node:net');

type Callback = (error: Error | null, addresses?: LookupAddress[] | string, family?: number) => void;
type Connect = (request: unknown, address: string, port: number) => number;

/** How a name is resolved: addresses, an error's code, or null for no answer at all. */
export type Answer = readonly string[] | string | null;

/**
 * Names and addresses of our own, for the operating system and for name servers alike. Every attempt to connect, in the whole
 * process, is noted where node hands it to the operating system; public addresses lead to local servers, or to nobody.
 */
export class FakeInternet {
  /** The answers of a name, one lookup after the other; the last one stays. */
  readonly names = new Map<string, Answer[]>();
  /** The local ports that public addresses lead to. */
  readonly hosts = new Map<string, number>();
  /** The names that were looked up, and the addresses that were to be connected to. */
  readonly lookups: string[] = [];
  readonly attempts: string[] = [];
  /** Addresses that are not reached before the test says so. */
  readonly slow = new Set<string>();
  readonly #reach = new Map<string, () => void>();
  readonly #hanging: (() => void)[] = [];
  #restore: () => void = () => {};

  async install(): Promise<void> {
    const { lookup, Resolver } = dns;
    dns.lookup = (name, ...rest) => {
      // A server that listens on an address asks too.
      if (net.isIP(name) !== 0) lookup(name, ...rest);
      else this.#lookUp(name, rest[0] as { all?: boolean }, rest[1] as Callback);
    };
    dns.Resolver = resolverOf((name, callback) => this.#lookUp(name, { all: true }, callback as Callback));
    const server = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const handle = (server as unknown as { _handle: object })._handle;
    const prototype = Object.getPrototypeOf(handle) as { connect: Connect; connect6: Connect };
    const { connect, connect6 } = prototype;
    const { port: nobody } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const note = (address: string, port: number): void => void this.attempts.push(`${address}:${port}`);
    const leadsTo = (address: string) => this.hosts.get(address) ?? nobody;
    const reach = (address: string, go: () => number) => {
      if (!this.slow.has(address)) return go();
      this.#reach.set(address, go);
      return 0;
    };
    prototype.connect = function (request, address, port) {
      note(address, port);
      const isLocal = address.startsWith('127.');
      return reach(address, () => connect.call(this, request, '127.0.0.1', isLocal ? port : leadsTo(address)));
    };
    prototype.connect6 = function (request, address, port) {
      note(address, port);
      return address === '::1'
        ? connect6.call(this, request, address, port)
        : reach(address, () => connect.call(this, request, '127.0.0.1', leadsTo(address)));
    };
    this.#restore = () => {
      Object.assign(dns, { lookup, Resolver });
      Object.assign(prototype, { connect, connect6 });
    };
  }

  uninstall(): void {
    this.#restore();
  }

  /** A slow address is reached now. */
  arrive(address: string): void {
    this.#reach.get(address)?.();
  }

  /** The answers that did not come are given now: 127.0.0.1. */
  answerLate(): void {
    for (const answer of this.#hanging.splice(0)) answer();
  }

  #lookUp(name: string, options: { all?: boolean }, callback: Callback): void {
    this.lookups.push(name);
    const answers = this.names.get(name) ?? ['ENOTFOUND'];
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) as Answer;
    const give = (addresses: readonly string[]) => {
      const all = addresses.map((address) => ({ address, family: net.isIP(address) }));
      if (options.all) callback(null, all);
      else callback(null, all[0]?.address ?? '', all[0]?.family ?? 4);
    };
    if (answer === null) this.#hanging.push(() => give(['127.0.0.1']));
    else if (typeof answer === 'string') {
      const error = Object.assign(new Error(`getaddrinfo ${answer} ${name}`), { code: answer });
      setImmediate(() => callback(error));
    } else setImmediate(() => give(answer));
  }
}

type Resolve = (error: Error | null, addresses: string[]) => void;

/** Name servers as node's resolver asks them: a name is looked up once for the addresses of both families. */
function resolverOf(lookUp: (name: string, callback: (error: Error | null, all: LookupAddress[]) => void) => void) {
  return class {
    #ask: Promise<LookupAddress[]> | null = null;
    #canceled = false;

    resolve4(name: string, callback: Resolve): void {
      this.#resolve(name, 4, callback);
    }

    resolve6(name: string, callback: Resolve): void {
      this.#resolve(name, 6, callback);
    }

    cancel(): void {
      this.#canceled = true;
    }

    #resolve(name: string, family: number, callback: Resolve): void {
      this.#ask ??= new Promise((resolve, reject) => {
        lookUp(name, (error, all) => (error === null ? resolve(all) : reject(error)));
      });
      const answer = (error: Error | null, addresses: string[]) => {
        if (!this.#canceled) callback(error, addresses);
      };
      this.#ask.then(
        (all) => {
          const addresses = all.filter((one) => one.family === family).map(({ address }) => address);
          answer(addresses.length > 0 ? null : Object.assign(new Error(), { code: 'ENODATA' }), addresses);
        },
        (error: Error) => answer(error, []),
      );
    }
  };
}
