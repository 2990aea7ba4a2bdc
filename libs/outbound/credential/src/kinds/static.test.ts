import { Document, isPersonal, type DocumentOf } from '@sallyport/configuration';
import { Secret } from '@sallyport/kernel';
import { describe, expect, test } from 'vitest';
import { leaseSharedSecret, readStaticSecret } from './static.js';

const read = (spec: object) =>
  Document.safeParse({
    kind: 'CredentialProvider',
    name: 'search-key',
    spec: { type: 'static', server: 'search', ...spec },
  });
const shared = (send: object, more: object = {}) => ({
  owner: 'shared',
  send,
  secret: { env: 'SEARCH_KEY' },
  origin: 'https://search.example',
  ...more,
});
const specOf = (spec: object) => {
  const document = read(spec).data;
  if (document?.kind !== 'CredentialProvider' || document.spec.type !== 'static') throw new Error('not valid');
  return document.spec;
};

describe('a document of kind static', () => {
  test('is per user unless it says that everybody shares one secret (R42)', () => {
    const spec = specOf({ send: { as: 'bearer' } });
    expect([spec.owner, isPersonal(spec), isPersonal(specOf(shared({ as: 'bearer' })))]).toEqual(['user', true, false]);
  });
  test.each([
    ['a shared one without a secret', shared({ as: 'bearer' }, { secret: undefined })],
    ['a shared one that does not say where its secret may go (S20)', shared({ as: 'bearer' }, { origin: undefined })],
    ['a shared one of basic without a user name', shared({ as: 'basic' })],
    ['a secret in the document that each user should enter', { send: { as: 'bearer' }, secret: { env: 'SEARCH_KEY' } }],
    ['a secret in clear', shared({ as: 'bearer' }, { secret: 'abc' })],
    ['a user name with a colon', shared({ as: 'basic', username: 'a:b' })],
    ['a prefix that ends the header field', shared({ as: 'header', name: 'X-Key', prefix: 'a\r\nb' })],
    ['an origin with a path', shared({ as: 'bearer' }, { origin: 'https://search.example/mcp' })],
  ])('is not valid with %s', (_what, spec) => expect(read(spec).success).toBe(false));
  test.each([
    'Host',
    'Connection',
    'Transfer-Encoding',
    'TE',
    'Mcp-Session-Id',
    'mcp-protocol-version',
    'Authorization',
    'Cookie',
    'Content-Length',
    'Proxy-Authorization',
    'DPoP',
    'X-Forwarded-For',
    'Origin',
    'a b',
    '',
  ])('sends no secret as %j (S11)', (name) => expect(read(shared({ as: 'header', name })).success).toBe(false));
});

describe('a secret', () => {
  const server = (url: string): DocumentOf<'McpServer'> => ({
    kind: 'McpServer',
    name: 'search',
    spec: { url, timeout: '60s' },
  });
  const lease = (send: object, { secret = 'key-0123456789', url = 'https://search.example/mcp' } = {}) => {
    const spec = specOf(shared(send));
    return leaseSharedSecret({
      target: { server: server(url), provider: { kind: 'CredentialProvider', name: 'search-key', spec } },
      spec,
      secret: new Secret(secret),
    });
  };

  test.each([
    [{ as: 'bearer' }, { authorization: 'Bearer key-0123456789' }],
    [{ as: 'basic', username: 'bot' }, { authorization: `Basic ${btoa('bot:key-0123456789')}` }],
    [{ as: 'authorization', scheme: 'Token' }, { authorization: 'Token key-0123456789' }],
    [{ as: 'header', name: 'X-Api-Key' }, { 'x-api-key': 'key-0123456789' }],
    [{ as: 'header', name: 'X-Auth', prefix: 'Key' }, { 'x-auth': 'Key key-0123456789' }],
  ])('is sent as %j says (R43)', (send, headers) =>
    expect(lease(send)).toMatchObject({ type: 'granted', headers, expiresInSeconds: 900, connectionId: null }),
  );

  test('goes to the origin it is for and no other (S20)', () => {
    for (const url of ['https://evil.example/mcp', 'http://search.example/mcp', 'https://search.example:8443/mcp'])
      expect(lease({ as: 'bearer' }, { url })).toEqual({ type: 'refused', reason: 'secret_origin' });
  });
  test.each(['short', 'two words', 'line\nbreak-in-it', 'tab\tin-between', 'k\u00e9y-with-accent', 'x'.repeat(8_193)])(
    'that cannot be sent, or not be found again in an answer, is not sent: %j',
    (secret) => {
      expect(lease({ as: 'bearer' }, { secret })).toEqual({ type: 'refused', reason: 'secret_malformed' });
    },
  );
  test('of basic may hold spaces and accents, and needs a user name without a colon', () => {
    const basic = specOf({ send: { as: 'basic' } });
    expect(readStaticSecret(basic, { secret: 'pass wörd', username: 'Zoë' })).toEqual({
      type: 'valid',
      value: 'Zoë:pass wörd',
    });
    for (const username of [undefined, '', 'a:b', 'a\nb'])
      expect(readStaticSecret(basic, { secret: 'pass wörd', username })).toEqual({
        type: 'invalid',
        field: 'username',
      });
    expect(readStaticSecret(basic, { secret: 'pass\nword', username: 'Zoë' })).toEqual({
      type: 'invalid',
      field: 'secret',
    });
  });
});
