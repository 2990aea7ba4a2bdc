import { createAccessTokenVerifier } from '@sallyport/access-token';
import type { Database } from '@sallyport/database';
import { Administrators } from '../admin/administrators.js';
import type { ApiResource } from '../admin/resource-metadata.controller.js';
import type { ControlPlaneConfig } from '../config.js';
import { ownAuthorizationServer } from '../credentials/credential-context.js';
import type { Foundation } from './foundation.js';
import type { ConfigurationParts } from './open-configuration.js';

/** The API as a resource of its own (RFC 8707), and the authorization server that gives tokens for it: ours. */
export const apiOf = ({ publicUrl, issuer }: Pick<ControlPlaneConfig, 'publicUrl' | 'issuer'>): ApiResource => ({
  resource: `${publicUrl}/v1`,
  issuer,
});

/** In the authorization server's table, which is only read here. */
const findIn = (database: Pick<Database, 'user'>) => async (id: string) => {
  const user = await database.user.findUnique({ where: { id } });
  return user ? { ...user, name: user.name ?? undefined, email: user.email ?? undefined } : undefined;
};

/** Who administers: whoever holds the token file, and whom a token for the API names. */
export function openAdministrators(
  { config, clock, databases }: Foundation,
  { snapshot }: Pick<ConfigurationParts, 'snapshot'>,
): Administrators {
  const verifier = createAccessTokenVerifier({
    issuer: config.issuer,
    audience: apiOf(config).resource,
    jwksUrl: config.jwksUrl,
    fetch: ownAuthorizationServer(config).fetch,
    clock,
    revocations: () => snapshot().revocations,
  });
  return new Administrators({
    token: config.adminToken,
    verifier,
    findUser: findIn(databases.administration),
    snapshot,
  });
}
