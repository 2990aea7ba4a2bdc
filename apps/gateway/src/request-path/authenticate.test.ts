import { createAccessTokenVerifier, ProofMemory } from '@sallyport/access-token';
import { newId } from '@sallyport/kernel';
import { makeDpopKey } from '@sallyport/testing';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { createAskedAddress } from '../protocol/asked-address.js';
import { InboundHeaders } from '../protocol/exchange.js';
import { authenticate } from './authenticate.js';

const endpointUrl = 'https://gateway.example/mcp';

test('a proof is for the address that was called, by the URL of the configuration, whatever Host and forwarded headers say (S7, S19)', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'at-1', alg: 'ES256', use: 'sig' };
  const proofs = new ProofMemory({ clock: Date.now });
  const verifier = createAccessTokenVerifier({
    issuer: 'https://as.example',
    audience: endpointUrl,
    jwksUrl: 'https://as.example/jwks',
    clock: Date.now,
    fetch: () => Promise.resolve(Response.json({ keys: [jwk] })),
    revocations: () => ({ generation: 1, isRevoked: () => false, isKeyWithdrawn: () => false }),
    seenProofs: { since: 0, claim: (id, until) => proofs.claim(id, until) },
  });
  const key = await makeDpopKey();
  const now = Math.floor(Date.now() / 1000);
  const token = await new SignJWT({
    iss: 'https://as.example',
    aud: endpointUrl,
    sub: newId('usr'),
    sid: newId('ses'),
    client_id: 'c',
    auth_time: now,
    idp: 'demo',
    idp_sub: 'alice',
    agent_name: 'A',
    agent_assurance: 'asserted',
    iat: now,
    exp: now + 60,
    jti: 'j',
    cnf: { jkt: key.thumbprint },
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'at-1' })
    .sign(privateKey);

  const askedAddress = createAskedAddress('https://gateway.example');
  const show = async (url: string, path = '/mcp') => {
    const headers = new InboundHeaders([
      'Host',
      'internal:7400',
      'X-Forwarded-Host',
      'evil.example',
      'X-Forwarded-Proto',
      'https',
      'Authorization',
      `dpop ${token}`,
      'DPoP',
      await key.prove({ method: 'POST', url, token }),
    ]);
    return await authenticate({ verifier }, { method: 'POST', headers, asked: askedAddress('internal:7400', path) });
  };
  expect(await show(endpointUrl)).toMatchObject({ token, caller: { isKeyBound: true } });
  for (const url of ['http://internal:7400/mcp', 'https://internal:7400/mcp', 'https://evil.example/mcp'])
    expect(await show(url)).toEqual({ type: 'unauthenticated', reason: 'proof_url' });

  expect(await show(`${endpointUrl}/notes`, '/mcp/notes')).toMatchObject({ token });
  const elsewhere = [
    [endpointUrl, '/mcp/notes'],
    [`${endpointUrl}/notes`, '/mcp'],
    [`${endpointUrl}/notes`, '/mcp/mail'],
    [endpointUrl, '/mcp/../mcp/x'],
  ];
  for (const [url = '', path] of elsewhere) expect(await show(url, path)).toMatchObject({ reason: 'proof_url' });
});
