import { describe, expect, test } from 'vitest';
import { isPublicAddress, mayVisit, refuseUrl } from './outbound-guard.js';

const refused = expect.objectContaining({ code: 'outbound_refused' });

describe('which addresses are public', () => {
  test.each(['8.8.8.8', '1.1.1.1', '2606:4700::1111', '::ffff:8.8.8.8'])('%s is', (address) =>
    expect(isPublicAddress(address)).toBe(true),
  );
  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '198.18.0.1',
    '192.0.0.8',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fd00:ec2::254',
    'fec0::1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    'ff02::1',
    '4000::1',
    '3fff::1',
    '5f00::1',
    '64:ff9b::808:808',
    '::ffff:0:7f00:1',
    'fe80::1%eth0',
    '192.88.99.1',
    '168.63.129.16',
    'not an address',
  ])('%s is not', (address) => expect(isPublicAddress(address)).toBe(false));
});

describe('what a URL alone is refused for', () => {
  test.each([
    'http://example.com/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'https://user@example.com/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://[::ffff:10.0.0.1]/',
    'https://169.254.169.254/latest/meta-data/',
    'https://127.1/',
    'https://127.0.0.1./',
    'https://①②⑦.0.0.1/',
    'https://127。0。0。1/',
    'https://0300.0250.1.1/',
    'https://0/',
    'https://[::]/',
    'https://[64:ff9b::7f00:1]/',
    'https://example.com:x@10.0.0.1/',
    'http://[::ffff:127.0.0.1]/',
    'gopher://example.com/',
    'data:,x',
  ])('%s is refused', (url) => expect(() => refuseUrl(new URL(url), [])).toThrow(refused));

  test('an https name passes; its addresses are checked when they are known', () => {
    expect(() => refuseUrl(new URL('https://example.com/'), [])).not.toThrow();
  });

  test('an allowed host is allowed on its ports alone, and for plain http only where that is said', () => {
    const allow = [
      { host: '127.0.0.1', ports: [7410], http: true },
      { host: 'intranet', http: false },
    ];
    expect(() => refuseUrl(new URL('http://127.0.0.1:7410/mcp'), allow)).not.toThrow();
    expect(() => refuseUrl(new URL('https://127.0.0.1:7410/mcp'), allow)).not.toThrow();
    expect(() => refuseUrl(new URL('http://127.0.0.1:7411/mcp'), allow)).toThrow(refused);
    expect(() => refuseUrl(new URL('http://[::1]:7410/mcp'), allow)).toThrow(refused);
    expect(() => refuseUrl(new URL('http://intranet/'), allow)).toThrow(refused);
    expect(() => refuseUrl(new URL('https://INTRANET./'), allow)).not.toThrow();
    expect(() => refuseUrl(new URL('http://OPEN./'), [{ host: 'open', http: true }])).not.toThrow();
  });
});

describe('where a browser may be sent', () => {
  const allow = [{ host: '127.0.0.1', ports: [7410], http: true }, { host: 'intranet' }];
  test.each([
    'https://login.example/authorize',
    'https://10.0.0.1/authorize',
    'http://127.0.0.1:7410/authorize',
    'https://intranet/authorize',
  ])('%s', (url) => expect(mayVisit(new URL(url), allow)).toBe(true));
  test.each([
    'http://login.example/authorize',
    'http://127.0.0.1:7411/authorize',
    'http://localhost:7410/authorize',
    'http://intranet/authorize',
    'https://sallyport@evil.example/authorize',
    'javascript:alert(1)',
    'data:text/html,x',
    'cursor://x',
  ])('never %s', (url) => expect(mayVisit(new URL(url), allow)).toBe(false));
});
