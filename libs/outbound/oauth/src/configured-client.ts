import type { CredentialProviderOf } from '@sallyport/configuration';
import type { Secret } from '@sallyport/kernel';
import type { OAuthClient } from './oauth-client.js';

export type FindSecret = (name: string) => Promise<Secret | undefined>;

/**
 * Our client as a provider's document gives it, with its secret or key as stored now.
 * @returns `undefined`: the secret is not stored.
 */
export async function configuredClient(
  {
    provider,
    client,
    issuer,
  }: {
    provider: string;
    client: NonNullable<
      CredentialProviderOf<'client-credentials' | 'oauth-user' | 'oauth-shared' | 'token-exchange' | 'id-jag'>['client']
    >;
    issuer: string;
  },
  findSecret: FindSecret,
): Promise<OAuthClient | undefined> {
  const { clientId, authentication } = client;
  if (authentication === 'private_key_jwt') {
    const clientKey = await findSecret(`CredentialProvider/${provider}/clientKey`);
    return (
      clientKey && {
        issuer,
        clientId,
        authentication,
        clientSecret: null,
        clientKey,
        assertionAudience: client.assertionAudience,
      }
    );
  }
  if (authentication === 'none') return { issuer, clientId, authentication, clientSecret: null };
  const clientSecret = await findSecret(`CredentialProvider/${provider}/clientSecret`);
  return clientSecret && { issuer, clientId, authentication, clientSecret };
}
