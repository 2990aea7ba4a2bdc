import { expect, test } from 'vitest';
import { bearerChallenge, dpopChallenge } from './challenge.js';

const resourceMetadataUrl = 'https://gateway.example/.well-known/oauth-protected-resource/mcp';

test('without a token the challenge points to the metadata and names no error (R15)', () => {
  expect(bearerChallenge({ resourceMetadataUrl, scopes: ['a', 'b'] })).toBe(
    `Bearer resource_metadata="${resourceMetadataUrl}", scope="a b"`,
  );
});
test('a step-up challenge names every scope and the error (RFC 6750 section 3.1)', () => {
  expect(
    bearerChallenge({ resourceMetadataUrl, scopes: ['notes.read', 'notes.write'], error: 'insufficient_scope' }),
  ).toBe(
    `Bearer resource_metadata="${resourceMetadataUrl}", scope="notes.read notes.write", error="insufficient_scope"`,
  );
});
test('nothing can break out of a quoted parameter', () => {
  expect(
    bearerChallenge({ resourceMetadataUrl: 'https://g/"\r\nX: 1', error: 'invalid_token', description: 'a\\b' }),
  ).toBe('Bearer resource_metadata="https://g/\\"X: 1", error="invalid_token", error_description="a\\\\b"');
});
test('who shows a proof is told the algorithms, and where the metadata is (RFC 9449 section 7.1, S7)', () => {
  expect(dpopChallenge({ resourceMetadataUrl, error: 'invalid_dpop_proof' })).toBe(
    `DPoP error="invalid_dpop_proof", algs="ES256 EdDSA Ed25519 PS256", resource_metadata="${resourceMetadataUrl}"`,
  );
  expect(dpopChallenge({ resourceMetadataUrl, error: 'insufficient_scope', scopes: ['a', 'b'] })).toBe(
    `DPoP error="insufficient_scope", algs="ES256 EdDSA Ed25519 PS256", resource_metadata="${resourceMetadataUrl}", scope="a b"`,
  );
});
