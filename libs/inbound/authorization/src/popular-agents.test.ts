import { describe, expect, test } from 'vitest';
import { POPULAR_AGENTS, POPULAR_REDIRECT_URIS } from './popular-agents.js';
import { classifyRedirectUri, mayRegisterRedirectUri, problemOfRedirectEntry } from './redirect-uri.js';

describe('the list of known agents', () => {
  test('holds whole redirect URIs, each of which lets something in; nowhere a whole host or scheme (R18, S35)', () => {
    expect(POPULAR_REDIRECT_URIS.map(problemOfRedirectEntry).filter((problem) => problem !== undefined)).toEqual([]);
    expect(
      POPULAR_REDIRECT_URIS.filter((uri) => !mayRegisterRedirectUri(uri.replace('*', 'x'), [uri]).allowed),
    ).toEqual([]);
    // Any path of a host that is entered as a host would do.
    expect(
      POPULAR_REDIRECT_URIS.filter(
        (uri) => !mayRegisterRedirectUri(`${uri.replace('*', 'x')}/elsewhere`, [uri]).allowed,
      ),
    ).toEqual([...POPULAR_REDIRECT_URIS]);
    expect(POPULAR_REDIRECT_URIS.filter((uri) => classifyRedirectUri(uri).kind === 'refused')).toEqual([]);
  });

  test('says of each entry when it was looked at and where (R18)', () => {
    for (const { name, asOf, source, redirectUris } of POPULAR_AGENTS) {
      expect([name, new Date(asOf).toISOString().slice(0, 10), source.length > 10, redirectUris.length > 0]).toEqual([
        name,
        asOf,
        true,
        true,
      ]);
    }
    expect(new Set(POPULAR_AGENTS.map(({ name }) => name)).size).toBe(POPULAR_AGENTS.length);
  });
});
