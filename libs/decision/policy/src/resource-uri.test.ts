import { createSnapshot, Document, documentMap, RevocationIndex } from '@sallyport/configuration';
import { describe, expect, it } from 'vitest';
import type { Caller } from './caller.js';
import { compilePolicies } from './compile-policies.js';
import { problemsOfPolicy } from './compile-conditions.js';
import { decide } from './decide.js';
import { examineUri, patternDeviation, templateDeviation, uriDeviation } from './resource-uri.js';

describe('the normal form of a URI', () => {
  it.each([
    'note://alice/1',
    'file:///a/b.txt',
    'file://server/share/a',
    'https://x.example/a?b=../c',
    'https://x.example/',
    'urn:isbn:1',
    'ui://widget/main',
    'config://app',
    'doc://x#section',
    'note://a/b/',
    'note:///x',
    'gitlab://projects/group%2Fproject',
    'proxy://get/https%3A%2F%2Fx.example%2Fa',
    'note://[::1]/x',
    'https://xn--bcher-kva.example/',
    'postgres://localhost:5432/db',
    'file:///a%20b',
    'file:///%C3%A4',
    'note://a/100%25',
  ])('is %s itself (S13)', (uri) => {
    expect(uriDeviation(uri)).toBeUndefined();
  });
  it.each([
    ['FILE:///srv/key', 'scheme', 'file:///srv/key'],
    ['file:///srv/%70rivate', 'percent-encoding', 'file:///srv/private'],
    ['file:///a%c3%a4', 'percent-encoding', 'file:///a%C3%A4'],
    ['file:///my file', 'percent-encoding', 'file:///my%20file'],
    ['file:///\u00e4', 'percent-encoding', 'file:///%C3%A4'],
    ['file:///a\u0308', 'characters', 'file:///%C3%A4'],
    ['file:///a%CC%88', 'characters', undefined],
    ['file://localhost/srv', 'host', 'file:///srv'],
    ['file:/srv', 'host', 'file:///srv'],
    ['file:///a?x', 'query', undefined],
    ['file:///a#x', 'fragment', undefined],
    ['file:///srv%2Fkey', 'path', undefined],
    ['file:///srv/./a', 'path', 'file:///srv/a'],
    ['file:///srv/b/../a', 'path', 'file:///srv/a'],
    ['file:///srv/%2E%2e/a', 'path', 'file:///a'],
    ['file:///srv/%252e%252e/a', 'path', undefined],
    ['note://a/%2525252525', 'path', undefined],
    ['note://a/..%2Fb', 'path', undefined],
    ['note://a%2F..%2Fb/c', 'path', undefined],
    ['note://../1', 'path', undefined],
    ['file:///srv//a', 'path', undefined],
    ['file:////srv/a', 'path', undefined],
    ['file:///srv\\a', 'characters', undefined],
    ['file:///srv/%5Ca', 'percent-encoding', undefined],
    ['file:///sr\tv/a', 'characters', undefined],
    ['file:///a%00', 'percent-encoding', undefined],
    ['file:///a%C0%AFb', 'percent-encoding', undefined],
    ['file:///a%', 'percent-encoding', undefined],
    ['https://X.example/', 'host', 'https://x.example/'],
    ['https://x.example', 'path', 'https://x.example/'],
    ['https://x.example:443/', 'port', 'https://x.example/'],
    ['https://x.example:/', 'port', 'https://x.example/'],
    ['https://x.example:08443/', 'port', 'https://x.example:8443/'],
    ['https://x.example./', 'host', 'https://x.example/'],
    ['https:/x.example/', 'host', undefined],
    ['https:x.example/', 'host', undefined],
    ['https:///x.example/', 'host', undefined],
    ['https://u@x.example/', 'user information', undefined],
    ['https://127.1/', 'host', 'https://127.0.0.1/'],
    ['https://0x7f000001/', 'host', 'https://127.0.0.1/'],
    ['https://b\u00fccher.example/', 'host', 'https://xn--bcher-kva.example/'],
    ["https://x.example/?q='a'", 'form', 'https://x.example/?q=%27a%27'],
    ['note://Alice/1', 'host', 'note://alice/1'],
    ['note://%41lice/1', 'host', 'note://alice/1'],
    ['note://alice%3A/1', 'host', undefined],
    ['note://me%40alice/1', 'host', undefined],
    ['note://a?', 'query', 'note://a'],
    ['note://a#', 'fragment', 'note://a'],
    ['note://[::0001]/x', 'form', 'note://[::1]/x'],
    ['note://{id}', 'host', 'note://%7Bid%7D'],
    ['relative', 'scheme', undefined],
    ['note://a/\ud800', 'characters', undefined],
  ])('of %j differs in its %s, and is %s (S13)', (uri, part, normal) => {
    expect(uriDeviation(uri)).toEqual({ part, normal });
  });
  it.each([
    'note://{id}/{+rest}',
    'https://{host}',
    'file:///{+path}',
    'note://a{/p*}',
    'https://x.example/{?q}',
    'note://a:{port}/x',
  ])('is what the template %s stands in (S13)', (template) => {
    expect(templateDeviation(template)).toBeUndefined();
  });
  it.each([
    ['NOTE://{id}', 'scheme'],
    ['file:///my docs/{id}', 'percent-encoding'],
    ['file:///a/../{id}', 'path'],
  ])('is not what the template %s stands in (S13)', (template, part) => {
    expect(templateDeviation(template)).toBe(part);
  });
});

describe('a pattern for resources', () => {
  it.each([
    '**',
    '*',
    'note*',
    '*://x',
    'file:///srv/private/**',
    'https://*.example.com/*',
    'https://example.com*',
    'https://*/x',
    '**/readme',
    'file:///srv/.*',
    'note://{id}',
    'gitlab://projects/group%2F*',
  ])('%s could match a URI in its normal form (S13)', (pattern) => {
    expect(patternDeviation(pattern)).toBeUndefined();
  });
  it.each([
    ['https://example.com:443/*', 'port'],
    ['file:///srv/%70*', 'percent-encoding'],
    ['file:///srv/../*', 'path'],
    ['FILE:///**', 'scheme'],
    ['file:///srv//p/**', 'path'],
    ['file:///srv/private key/**', 'percent-encoding'],
    ['https://Example.com/**', 'host'],
  ])('%s could match none, and is refused when it is written (S13)', (pattern, part) => {
    expect(patternDeviation(pattern)).toBe(part);
    const spec = {
      hop: 'gateway-to-server',
      server: 'files',
      credentialProvider: 'files-none',
      resources: [{ match: ['file:///**'] }, { match: ['note://**', pattern] }],
    };
    const document = Document.parse({ kind: 'AccessPolicy', name: 'files', spec });
    expect(document.kind === 'AccessPolicy' && problemsOfPolicy(document.spec)).toEqual([
      {
        path: ['resources', 1, 'match', 1],
        message: expect.stringContaining(`its ${part} is not in the normal form`) as string,
      },
    ]);
  });
});

/** One small deterministic generator: a failure names its seed. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) % below;
  };
}

type Change = (uri: string, random: (below: number) => number) => string;
/** Where one character in the part after the scheme may be written otherwise. */
const oneCharacter =
  (candidates: RegExp, write: (character: string) => string): Change =>
  (uri, random) => {
    const start = uri.indexOf(':') + 1;
    const places = [...uri.slice(start).matchAll(candidates)]
      .map(({ index }) => start + index)
      .filter((place) => uri.slice(Math.max(0, place - 2), place + 1).indexOf('%') < 0);
    const place = places[random(Math.max(1, places.length))];
    return place === undefined ? uri : uri.slice(0, place) + write(uri[place] ?? '') + uri.slice(place + 1);
  };
const triplet = (character: string) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
const authority =
  (change: (host: string) => string): Change =>
  (uri) =>
    uri.replace(/^([a-z]+:\/\/)([^/?#]+)/, (_whole, front: string, host: string) => front + change(host));
/** Ways to write the same resource: RFC 3986 section 6.2.2 and 6.2.3, the WHATWG URL Standard, and servers that decode first. */
const EQUIVALENTS: readonly Change[] = [
  (uri) => uri.replace(/^[a-z]+/, (scheme) => scheme.toUpperCase()),
  (uri) => uri.replace(/^[a-z]/, (letter) => letter.toUpperCase()),
  oneCharacter(/[A-Za-z0-9._~-]/g, triplet),
  oneCharacter(/[A-Za-z0-9._~-]/g, (character) => triplet(character).toUpperCase()),
  oneCharacter(/[!$&'()+,;=:@]/g, (character) => triplet(character).toUpperCase()),
  oneCharacter(/[!$&'()+,;=:@]/g, triplet),
  (uri) => uri.replaceAll(/%[0-9A-F]{2}/g, (encoded) => encoded.toLowerCase()),
  (uri) => uri.replaceAll(/%(?:28|29|2C|20)/g, (encoded) => decodeURIComponent(encoded)),
  authority((host) => host.toUpperCase()),
  (uri) => uri.replace(/^(https:\/\/[^/?#]+)/, '$1:443'),
  authority((host) => `${host}:`),
  authority((host) => `user@${host}`),
  (uri) => uri.replace(/^(https:\/\/[^/?#]+)/, '$1.'),
  authority((host) => host.replaceAll('.', '%2E')),
  (uri) => uri.replace(/^file:\/\/\//, 'file:/'),
  (uri) => uri.replace(/^file:\/\/\//, 'file://localhost/'),
  (uri) => uri.replace(/^https:\/\//, 'https:/'),
  (uri) => uri.replace(/^https:\/\//, 'https:\\\\'),
  oneCharacter(/(?<=[^/:])\/(?=[^/])/g, () => '//'),
  oneCharacter(/(?<=[^/:])\/(?=[^/])/g, () => '/./'),
  oneCharacter(/(?<=[^/:])\/(?=[^/])/g, () => '/x/../'),
  oneCharacter(/(?<=[^/:])\/(?=[^/])/g, () => '/x/%2e%2E/'),
  oneCharacter(/(?<=[^/:])\/(?=[^/])/g, () => '\\'),
  oneCharacter(/(?<=[^/:])\/(?=[^/])/g, () => '%2F'),
  oneCharacter(/(?<=[^/:])\/(?=[^/])/g, () => '%2f'),
  oneCharacter(/(?<=[^/:])\/(?=[^/])/g, () => '%5C'),
  oneCharacter(/(?<=[^/:])\/(?=[^/])/g, () => '/\t'),
  oneCharacter(/[a-z]/g, (letter) => `\n${letter}`),
  (uri) => (/[?#]/.test(uri) ? uri : `${uri}?`),
  (uri) => (/[?#]/.test(uri) ? uri : `${uri}#`),
  (uri) => (/[?#]/.test(uri) ? uri : `${uri}?x=1`),
  (uri) => (uri.includes('#') ? uri : `${uri}#part`),
  (uri) => ` ${uri}`,
  (uri) => `${uri} `,
  (uri) => `${uri}\n`,
  (uri) => uri.normalize('NFD'),
];
const NORMAL = [
  'file:///srv/private/key',
  'file:///srv/private/a%20(1).txt',
  'file:///srv/public/key',
  'https://x.example/private/key',
  'https://x.example/public/a,b',
  'note://alice/private/1',
  'note://alice/private:1',
  'note://alice/1',
  'note://alice/private/%C3%A4',
  'gitlab://projects/group%2Fproject',
  'gitlab://projects/group/project',
];
const RULES = [
  { match: ['**'], scope: 'read' },
  {
    match: [
      'file:///srv/private/**',
      'file:///srv/private/a%20%281%29.txt',
      'https://x.example/private/**',
      'note://alice/private/**',
      'note://alice/private:1',
      'gitlab://projects/group/**',
      'note://alice/private/%C3%A4',
    ],
    scope: 'secret',
  },
];
const documents = [
  { kind: 'Role', name: 'reader', spec: { scopes: ['read', 'secret'] } },
  { kind: 'McpServer', name: 'files', spec: { url: 'https://files.example/mcp' } },
  { kind: 'CredentialProvider', name: 'files-none', spec: { type: 'none', server: 'files' } },
  { kind: 'AccessPolicy', name: 'everybody', spec: { hop: 'client-to-gateway' } },
  {
    kind: 'AccessPolicy',
    name: 'files',
    spec: { hop: 'gateway-to-server', server: 'files', credentialProvider: 'files-none', resources: RULES },
  },
].map((document) => Document.parse(document));
const policies = compilePolicies(
  createSnapshot({
    epoch: 'e',
    revision: 1,
    documents: documentMap(documents),
    revocations: new RevocationIndex(() => 0),
  }),
);
const caller: Caller = {
  userId: 'usr_a',
  trustProvider: 'demo',
  subject: 'a',
  clientId: 'c',
  agentName: 'Agent',
  agentAssurance: 'asserted',
  isKeyBound: false,
  sid: 'ses_a',
  scopes: new Set(['read']),
  roles: [],
  groups: [],
  authTime: 0,
  issuedAt: 0,
  expiresAt: 1,
  acr: undefined,
  amr: [],
};
const isAllowed = (uri: string) =>
  decide(policies, caller, { server: 'files', action: { type: 'resource', uri }, sourceIp: null, now: 0 }).outcome ===
  'allow';

describe('an equal form of a URI', () => {
  it('is answered no more than the normal form is: some thousand made by one to three changes (S13)', () => {
    for (const uri of NORMAL) expect([uri, uriDeviation(uri)]).toEqual([uri, undefined]);
    let refused = 0;
    for (let seed = 1; seed <= 4_000; seed++) {
      const random = generator(seed);
      const uri = NORMAL[random(NORMAL.length)] ?? '';
      let equal = uri;
      for (let left = 1 + random(3); left > 0; left--)
        equal = EQUIVALENTS[random(EQUIVALENTS.length)]?.(equal, random) ?? equal;
      if (!isAllowed(uri)) expect([seed, uri, equal, isAllowed(equal)]).toEqual([seed, uri, equal, false]);
      const deviation = uriDeviation(equal);
      if (deviation !== undefined) refused++;
      // What is called its normal form is one.
      if (deviation?.normal !== undefined)
        expect([seed, deviation.normal, uriDeviation(deviation.normal)]).toEqual([seed, deviation.normal, undefined]);
    }
    expect(refused).toBeGreaterThan(2_000);
  }, 60_000);
  it('is told at a glance as it is on examination (S13)', () => {
    const pieces = [
      'http',
      'https',
      'file',
      'note',
      'ws',
      ':',
      '//',
      '/',
      '///',
      'a',
      'x.example',
      '1.2',
      '127.1',
      '0x7f',
      'xn--a',
      'a-',
      '.',
      '..',
      'a..',
      '~',
      '_',
      '-',
      'A',
      '%41',
      '?',
      '#',
      '@',
      'localhost',
    ];
    for (let seed = 1; seed <= 20_000; seed++) {
      const random = generator(seed);
      const uri =
        ['http://x.example', 'https://', 'file://', 'note://a', 'x+y://'][random(5)] +
        Array.from({ length: 1 + random(6) }, () => pieces[random(pieces.length)]).join('');
      expect([uri, uriDeviation(uri)]).toEqual([uri, examineUri(uri)]);
    }
  }, 60_000);
  it.each(EQUIVALENTS.map((change, index) => [index, change] as const))(
    'of kind %i is among them, and changes something (S13)',
    (_index, change) => {
      const random = generator(7);
      expect(
        NORMAL.some((uri) => change(uri, random) !== uri) || change('file:///\u00e4', random) !== 'file:///\u00e4',
      ).toBe(true);
    },
  );
});
