import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { announceProxy, outboundProxy, readNoProxy, readProxyUrl } from './index.js';
import { proxyFor } from './outbound-proxy.js';

describe('the URL of a proxy', () => {
  test.each([
    [
      'http://proxy.example:3128',
      { protocol: 'http:', hostname: 'proxy.example', port: 3128, authorization: undefined },
    ],
    ['proxy.example:3128', { protocol: 'http:', hostname: 'proxy.example', port: 3128, authorization: undefined }],
    ['HTTP://Proxy.Example/', { protocol: 'http:', hostname: 'proxy.example', port: 80, authorization: undefined }],
    ['https://proxy.example', { protocol: 'https:', hostname: 'proxy.example', port: 443, authorization: undefined }],
    ['http://[fd00::1]:3128', { protocol: 'http:', hostname: 'fd00::1', port: 3128, authorization: undefined }],
  ])('%s', (text, server) => expect(readProxyUrl(text)).toEqual(server));

  test.each([
    ['http://ada:pa%3Ass@p:1', 'ada:pa:ss'],
    ['ada:hunter2@p:1', 'ada:hunter2'],
    ['http://token@p:1', 'token:'],
    ['http://%C3%A9:x@p:1', '\u00e9:x'],
  ])('the user and password of %s are for Proxy-Authorization alone (S30)', (text, userAndPassword) => {
    const server = readProxyUrl(text);
    expect(server?.authorization?.reveal()).toBe(`Basic ${Buffer.from(userAndPassword).toString('base64')}`);
    expect(JSON.stringify(server) + inspect(server, { depth: 5 })).not.toMatch(/ada|hunter2|token|Basic/);
  });

  test.each([
    'socks5://proxy.example:1080',
    'ftp://p',
    'http://p/path',
    'http://p?x',
    'http://',
    'http://p:99999',
    'p p',
    'http://%zz:x@p:1',
    'http://a%3Ab:c@p:1',
  ])('%s is none', (text) => expect(readProxyUrl(text)).toBeUndefined());
});

describe('NO_PROXY', () => {
  const at = (url: string) => ({
    hostname: new URL(url).hostname,
    port: Number(new URL(url).port || (url.startsWith('https:') ? 443 : 80)),
  });
  const included: readonly (readonly [string, string])[] = [
    ['*', 'https://anything.example/'],
    ['example.com', 'https://example.com/'],
    ['example.com', 'https://api.example.com/'],
    ['.example.com', 'https://api.example.com/'],
    ['.example.com', 'https://example.com/'],
    ['*.example.com', 'https://a.b.example.com/'],
    ['EXAMPLE.com.', 'https://Example.COM./'],
    ['a, b.example ,,c', 'https://b.example/'],
    ['a b.example', 'https://b.example/'],
    ['b\u00fccher.example', 'https://xn--bcher-kva.example/'],
    ['example.com:8443', 'https://example.com:8443/'],
    ['example.com:443', 'https://api.example.com/'],
    ['example.com:80', 'http://example.com/'],
    ['93.184.216.34', 'https://93.184.216.34/'],
    ['93.184.216.34:443', 'https://93.184.216.34/'],
    ['93.184.0.0/16', 'https://93.184.216.34/'],
    ['2606:4700::/32', 'https://[2606:4700::1111]/'],
    ['2606:4700::1111', 'https://[2606:4700:0:0::1111]/'],
    ['[2606:4700::1111]:8443', 'https://[2606:4700::1111]:8443/'],
    ['10.0.0.0/8', 'https://[::ffff:10.1.2.3]/'],
  ];
  test.each(included)('%s names %s', (text, url) =>
    expect([readNoProxy(text).includes(at(url)), readNoProxy(text).unknown]).toEqual([true, []]),
  );

  const others: readonly (readonly [string, string])[] = [
    ['', 'https://example.com/'],
    ['example.com', 'https://notexample.com/'],
    ['example.com', 'https://example.com.evil.example/'],
    ['api.example.com', 'https://example.com/'],
    ['com', 'https://example.org/'],
    ['example.com:8443', 'https://example.com/'],
    ['[2606:4700::1111]:8443', 'https://[2606:4700::1111]/'],
    ['93.184.0.0/16', 'https://93.185.0.1/'],
    ['0.0.0.0/0', 'https://example.com/'],
    ['34', 'https://93.184.216.34/'],
    ['216.34', 'https://93.184.216.34/'],
  ];
  test.each(others)('%s does not name %s', (text, url) => expect(readNoProxy(text).includes(at(url))).toBe(false));

  test('an entry that means nothing is told, and takes nothing from the others', () => {
    const direct = readNoProxy('http://a.example, 10.0.0.0/99, 192.168.*, <local>, good.example');
    expect(direct.unknown).toEqual(['http://a.example', '10.0.0.0/99', '192.168.*', '<local>']);
    expect(direct.includes(at('https://good.example/'))).toBe(true);
  });
});

describe('who is called through which proxy', () => {
  const [one, other] = [readProxyUrl('http://one:3128'), readProxyUrl('http://other:3128')];
  const to = (url: string) => ({ protocol: new URL(url).protocol, hostname: new URL(url).hostname, port: 443 });
  test('https and http have each their own, and neither stands in for the other', () => {
    const proxy = outboundProxy({ https: one, http: other });
    expect([proxyFor(proxy, to('https://a.example/')), proxyFor(proxy, to('http://a.example/'))]).toEqual([one, other]);
    expect(proxyFor(outboundProxy({ https: one }), to('http://a.example/'))).toBeUndefined();
    expect(proxyFor(outboundProxy({ http: one }), to('https://a.example/'))).toBeUndefined();
    expect(outboundProxy({ noProxy: '*' })).toBeUndefined();
  });
  test.each([
    'https://localhost/',
    'https://notes.localhost./',
    'https://127.0.0.1/',
    'https://127.8.8.8/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'http://0.0.0.0/',
  ])("%s is this machine, which is not the proxy's (S20)", (url) => {
    expect(proxyFor(outboundProxy({ https: one, http: one }), to(url))).toBeUndefined();
  });
});

test('one line says what goes through which proxy, without its credentials (S30)', () => {
  const lines: unknown[] = [];
  const to = {
    info: (about: object, message: string) => void lines.push([about, message]),
    warn: (about: object, message: string) => void lines.push([about, message]),
  };
  announceProxy(
    outboundProxy({ https: readProxyUrl('http://ada:hunter2@proxy.example:3128'), noProxy: '.svc,10.0.0.0/8' }),
    to,
  );
  expect(lines).toEqual([
    [
      {
        https: 'http://proxy.example:3128',
        http: 'called directly',
        directly: 'this machine, our own services, .svc, 10.0.0.0/8',
        unresolvedNames: 'refused',
      },
      'calls to the outside go through a proxy',
    ],
  ]);
  announceProxy(
    outboundProxy({ http: readProxyUrl('https://[fd00::1]'), noProxy: '192.168.*', resolvesNames: true }),
    to,
  );
  expect(lines.slice(1)).toEqual([
    [
      {
        https: 'called directly',
        http: 'https://[fd00::1]:443',
        directly: 'this machine, our own services, 192.168.*',
        unresolvedNames: 'left to the proxy',
      },
      'calls to the outside go through a proxy',
    ],
    [{ entries: '192.168.*' }, 'entries of NO_PROXY mean nothing here and are passed over'],
  ]);
  announceProxy(undefined, to);
  expect(lines).toHaveLength(3);
});
