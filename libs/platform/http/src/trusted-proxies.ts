import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { addressOwner } from './address-owner.js';

/** The proxies whose connections carry the requests of many clients, and whose `X-Forwarded-For` is believed. */
export class TrustedProxies {
  readonly #list = new BlockList();

  /** @param ranges addresses or CIDR ranges; a name such as `loopback` is Fastify's own and ignored here */
  constructor(ranges: readonly string[]) {
    for (const range of ranges) {
      const [address = '', bits] = range.split('/', 2);
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (isIP(address) === 0) continue;
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  has(address: string): boolean {
    return this.#list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }

  /** The owner of the client for whom a proxy forwards: of the last address in `X-Forwarded-For` that is no proxy. */
  forwardedFor({ headers }: IncomingMessage): string | undefined {
    const named = [headers['x-forwarded-for'] ?? []]
      .flat()
      .join(',')
      .split(',')
      .map((address) => address.trim());
    const last = named.findLast((address) => isIP(address) === 0 || !this.has(address));
    return last === undefined || isIP(last) === 0 ? undefined : addressOwner(last);
  }
}
