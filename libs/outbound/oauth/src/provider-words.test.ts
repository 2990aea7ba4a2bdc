import { describe, expect, test } from 'vitest';
import { readProviderWords } from './provider-words.js';

const read = (error: unknown, description: unknown, secrets: string[] = []) =>
  readProviderWords({ error, description }, secrets);

describe("a provider's own words", () => {
  test('are kept as they are where they are words (R80)', () => {
    expect(
      read('invalid_client', "The client secret 'for app 1' has expired.  See https://login.example/help."),
    ).toEqual({
      error: 'invalid_client',
      description: "The client secret 'for app 1' has expired. See https://login.example/help.",
    });
    expect(read(undefined, 7)).toEqual({ error: null, description: null });
  });
  test.each([
    ['a refresh token that was sent', 'token sesame-open is unknown', ['sesame-open'], 'token [\u2026] is unknown'],
    ['one as it is written in a form', 'refresh_token=a%2Fb%2Fc%2Fd', ['a/b/c/d'], 'refresh_token=[\u2026]'],
    ['what looks like a token', 'got eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln instead', [], 'got [\u2026] instead'],
    ['a long key without digits', `key ${'abcdefghij'.repeat(5)} is bad`, [], 'key [\u2026] is bad'],
    ['control characters and line ends', 'a\u0000b\r\nc\u202Ed\u2028e', [], 'a b c d e'],
  ])('are shown without %s (R44, S30)', (_what, said, secrets, shown) =>
    expect(read('invalid_request', said, secrets).description).toBe(shown),
  );
  test('are short', () => expect(read('x', 'word '.repeat(1_000)).description).toHaveLength(240));
  test.each([
    ['a secret', 'sesame-open'],
    ['what looks like a token', 'a1b2c3d4e5f6a7b8c9d0'],
    ['spaces', 'not a code'],
    ['too much', 'x'.repeat(65)],
    ['an object', {}],
  ])('are no code when they are %s', (_what, code) => {
    expect(read(code, undefined, ['sesame-open']).error).toBeNull();
  });
});
