import { expect, test } from 'vitest';
import { addressKeys, isSameNetwork } from './address-keys.js';

const keys = (address: string) => addressKeys(address).map(({ key }) => key);

test('an IPv4 address stands for itself, in whichever form it comes', () => {
  for (const address of ['203.0.113.7', '::ffff:203.0.113.7', '::ffff:cb00:7107'])
    expect(keys(address)).toEqual(['203.0.113.7']);
});

test('an IPv6 address stands for its /64, and with more room for its /48', () => {
  const [first, ...others] = [
    '2001:db8:1:2::1',
    '2001:db8:1:2:ffff:ffff:ffff:ffff',
    '2001:0DB8:0001:0002:0:0:0:7',
    '2001:db8:1:2::1%eth0',
  ];
  expect(addressKeys(first ?? '')).toEqual([
    { key: '2001:db8:1:2::/64', share: 1 },
    { key: '2001:db8:1::/48', share: 4 },
  ]);
  for (const other of others) expect(keys(other)).toEqual(keys(first ?? ''));
  expect(keys('2001:db8:1:3::1')).toEqual(['2001:db8:1:3::/64', '2001:db8:1::/48']);
  expect(keys('::1')).toEqual(['0:0:0:0::/64', '0:0:0::/48']);
});

test.each<[string | undefined, string | undefined, boolean]>([
  ['203.0.113.7', '::ffff:203.0.113.7', true],
  ['203.0.113.7', '203.0.113.8', false],
  ['2001:db8:1:2::1', '2001:db8:1:2::9', true],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
  ['127.0.0.1', '::1', true],
  ['::1', '::2', false],
  ['203.0.113.7', undefined, false],
  ['', '', false],
])('%s and %s are of one network: %s', (one, other, expected) => {
  expect(isSameNetwork(one, other)).toBe(expected);
});
