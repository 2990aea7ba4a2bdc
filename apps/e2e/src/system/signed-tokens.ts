import type { Database } from '@sallyport/database';
import { newId } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { importJWK, SignJWT } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { SERVERS_SCOPE } from './servers-configuration.js';

/** The agent that signed tokens name, unless another is said. */
export const AGENT = 'https://agent.test/client.json';

export interface TokenSigning {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly issuer: string;
  readonly audience: string;
  /** Client id of the agent; {@link AGENT} by default. */
  readonly clientId?: string;
  /** Of the agent's key, when the tokens are bound to one (RFC 9449). */
  readonly thumbprint?: string;
}

/**
 * One access token for each user, signed with the authorization server's own key: hundreds of sign-ins are no part of
 * what is tried. They live for an hour.
 */
export async function signedTokens(
  users: readonly string[],
  { database, sealer, issuer, audience, clientId = AGENT, thumbprint }: TokenSigning,
): Promise<ReadonlyMap<string, string>> {
  const row = await database.signingKey.findFirstOrThrow({
    where: { purpose: 'access-token', signsFrom: { lte: new Date() } },
    orderBy: { signsFrom: 'desc' },
  });
  const jwk = JSON.parse(sealer.open('signing-key', row.sealedPrivate, row.kid).toString()) as JWK;
  const key = (await importJWK(jwk, row.algorithm)) as CryptoKey;
  const now = Math.floor(Date.now() / 1000);
  const tokenOf = (userId: string): Promise<string> => {
    const claims = {
      client_id: clientId,
      sid: newId('ses'),
      scope: SERVERS_SCOPE,
      roles: ['tester'],
      groups: ['engineering'],
      auth_time: now,
      amr: [],
      idp: 'demo',
      idp_sub: userId,
      agent_name: 'Agent',
      agent_assurance: 'verified-redirect',
      ...(thumbprint === undefined ? {} : { cnf: { jkt: thumbprint } }),
    };
    return new SignJWT(claims)
      .setProtectedHeader({ alg: row.algorithm, typ: 'at+jwt', kid: row.kid })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(userId)
      .setJti(newId('evt'))
      .setIssuedAt(now)
      .setExpirationTime(now + 3_600)
      .sign(key);
  };
  return new Map(await Promise.all(users.map(async (userId) => [userId, await tokenOf(userId)] as const)));
}
