import { BlockList, isIP } from 'node:net';

export type SourceNetwork = (ip: string) => boolean;

/**
 * `10.0.0.0/8`, `2001:db8::/32`, or a single address. An IPv4 address mapped into IPv6 counts as the IPv4 address.
 * @returns what is wrong, else the matcher
 */
export function compileSourceNetwork(cidrs: readonly string[]): SourceNetwork | { invalid: string } {
  const networks = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix, ...rest] = cidr.split('/');
    const family = isIP(address);
    const width = family === 4 ? 32 : 128;
    const bits = prefix === undefined ? width : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (family === 0 || address.includes('%') || rest.length > 0 || !(bits >= 0 && bits <= width))
      return { invalid: cidr };
    networks.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  }
  return (ip) => {
    const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1] ?? ip;
    const family = isIP(plain);
    return family !== 0 && networks.check(plain, family === 4 ? 'ipv4' : 'ipv6');
  };
}
