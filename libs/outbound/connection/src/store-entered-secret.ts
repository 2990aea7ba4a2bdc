import type { Connection } from './connection.js';
import type { ConfiguredTarget } from './connection-pins.js';
import { storeGrant } from './store-grant.js';

/**
 * What a user entered becomes their connection, with the same pins and seal as a grant (S20, S22). Nobody issued it to
 * us as a client: its issuer is the server itself, it has no token endpoint, never expires by itself and is never due.
 * @param value as `readStaticSecret` gives it.
 */
export function storeEnteredSecret(
  { userId, target, value }: { userId: string; target: ConfiguredTarget; value: string },
  context: Parameters<typeof storeGrant>[1],
): Promise<Pick<Connection, 'id' | 'revision'>> {
  const { url, resource = url } = target.server.spec;
  return storeGrant(
    {
      userId,
      target,
      resource,
      tokenEndpoint: '',
      revocationEndpoint: null,
      requestedScopes: [],
      client: { issuer: new URL(url).origin, clientId: '', clientSecret: null, authentication: 'none' },
      tokens: { accessToken: value, refreshToken: null, expiresAt: null, scopes: null },
    },
    context,
  );
}
