import type { TrustProviderRules } from '@sallyport/authorization';
import type { Secret } from '@sallyport/kernel';
import { importJWK, type JWK } from 'jose';
import * as oauth from 'oauth4webapi';
import { z } from 'zod';
import { unavailable } from './provider-errors.js';
import type { TrustProvider } from './trust-provider.js';

/** RFC 7517, a private key we may sign with. `x5t` and `x5t#S256` name the certificate Entra ID knows the key by. */
const PrivateKey = z.looseObject({
  kty: z.enum(['RSA', 'EC', 'OKP']),
  d: z.string().min(1),
  kid: z.string().optional(),
  alg: z.enum(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519']).optional(),
  x5t: z.string().optional(),
  'x5t#S256': z.string().optional(),
});
const USUAL_ALGORITHM = { RSA: 'RS256', EC: 'ES256', OKP: 'Ed25519' } as const;

/**
 * How we prove who we are at the provider's token endpoint.
 * @param secretOf `TrustProvider/<name>/<field>`
 * @throws SallyportError `trust_provider_unavailable` when the secret is not there or is no key
 */
export async function authenticateClient(
  provider: TrustProvider,
  rules: TrustProviderRules,
  server: oauth.AuthorizationServer,
  secretOf: (name: string) => Promise<Secret | undefined>,
): Promise<oauth.ClientAuth> {
  const stored = async (field: 'clientSecret' | 'clientKey') => {
    const secret = await secretOf(`TrustProvider/${provider.name}/${field}`);
    if (!secret)
      throw unavailable(
        provider,
        field === 'clientSecret' ? 'its client secret is not stored' : 'its client key is not stored',
      );
    return secret.reveal();
  };
  switch (rules.tokenEndpointAuthMethod) {
    case 'none':
      return oauth.None();
    case 'private_key_jwt':
      return signWith(
        provider,
        await stored('clientKey'),
        (rules.assertionAudience === 'token_endpoint' && server.token_endpoint) || server.issuer,
      );
    case 'client_secret_basic':
      return oauth.ClientSecretBasic(await stored('clientSecret'));
    case 'client_secret_post':
      return oauth.ClientSecretPost(await stored('clientSecret'));
    case undefined:
      // In the body where that is offered: providers disagree on how a secret is encoded for the header (RFC 6749
      // section 2.3.1).
      return server.token_endpoint_auth_methods_supported?.includes('client_secret_post')
        ? oauth.ClientSecretPost(await stored('clientSecret'))
        : oauth.ClientSecretBasic(await stored('clientSecret'));
  }
}

async function signWith(provider: TrustProvider, stored: string, audience: string): Promise<oauth.ClientAuth> {
  try {
    const jwk = PrivateKey.parse(JSON.parse(stored));
    const alg = jwk.alg ?? USUAL_ALGORITHM[jwk.kty];
    const key = await importJWK({ ...jwk, alg, use: 'sig', key_ops: ['sign'] } as JWK, alg);
    if (!(key instanceof CryptoKey)) throw new TypeError('a private key is needed');
    return oauth.PrivateKeyJwt(jwk.kid === undefined ? key : { key, kid: jwk.kid }, {
      [oauth.modifyAssertion]: (header, payload) => {
        if (alg === 'EdDSA') header['alg'] = alg; // the name most servers know Ed25519 by
        for (const name of ['x5t', 'x5t#S256'] as const) if (jwk[name] !== undefined) header[name] = jwk[name];
        payload['aud'] = audience;
      },
    });
  } catch {
    // Without the cause, which could quote the key.
    throw unavailable(provider, 'its client key is not a private key as JWK');
  }
}
