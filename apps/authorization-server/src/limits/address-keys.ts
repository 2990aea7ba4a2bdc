import { isIPv6 } from 'node:net';

/** Whom an address stands for; a key may spend `share` times what the narrowest one may. */
export interface AddressKey {
  readonly key: string;
  readonly share: number;
}

/** One home has a /64 (RFC 6177), whoever asks for more gets a /48: nobody is many by counting up. */
const IPV6_PREFIXES = [
  { groups: 4, share: 1 },
  { groups: 3, share: 4 },
] as const;

/** @param address as Node.js or a listed proxy names it; IPv4 also in its IPv6 form */
export function addressKeys(address: string): readonly AddressKey[] {
  const plain = address.split('%', 1)[0] ?? '';
  if (!isIPv6(plain)) return [{ key: plain, share: 1 }];
  const groups = groupsOf(plain);
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped)
    return [
      {
        key: groups
          .slice(6)
          .flatMap((group) => [group >> 8, group & 0xff])
          .join('.'),
        share: 1,
      },
    ];
  return IPV6_PREFIXES.map(({ groups: count, share }) => ({
    key: `${groups
      .slice(0, count)
      .map((group) => group.toString(16))
      .join(':')}::/${count * 16}`,
    share,
  }));
}

/** Whether two addresses are of one home, as far as can be told: an IPv4 address, a /64, or this very machine. */
export function isSameNetwork(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined || one === '' || other === '') return false;
  const network = (address: string) => {
    const key = addressKeys(address)[0]?.key ?? '';
    return key.startsWith('127.') || address === '::1' ? 'loopback' : key;
  };
  return network(one) === network(other);
}

/** The eight of them (RFC 4291 section 2.2). */
function groupsOf(address: string): number[] {
  const hexadecimal = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = '', tail] = hexadecimal.split('::', 2);
  const read = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [front, back] = [read(head), read(tail ?? '')];
  return tail === undefined ? front : [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
}
