import { newId, SallyportError } from '@sallyport/kernel';
import { refreshDueAt } from './refresh/due-time.js';
import type { OAuthClient, ProviderAccount, GrantedTokens } from '@sallyport/oauth';
import type { Connection } from './connection.js';
import { pinsOf, type ConfiguredTarget } from './connection-pins.js';
import type { ConnectionStore, NewConnection } from './connection-store.js';
import { sealCredential, type Vault } from './vault-record.js';

/** A user's fresh grant at a server. */
export interface NewGrant {
  /** `null`: everybody's. */
  readonly userId: string | null;
  readonly target: ConfiguredTarget;
  readonly resource: string;
  readonly tokenEndpoint: string;
  readonly revocationEndpoint: string | null;
  readonly client: OAuthClient;
  readonly tokens: GrantedTokens;
  readonly requestedScopes: readonly string[];
  /** Whose account it is there, where the provider says (S23). */
  readonly account?: ProviderAccount | undefined;
}

const ATTEMPTS = 5;

/** Creates the user's connection or replaces the one there is, under a revision of its own. */
export async function storeGrant(
  grant: NewGrant,
  { store, vault, clock, random }: { store: ConnectionStore; vault: Vault; clock: () => number; random: () => number },
): Promise<Pick<Connection, 'id' | 'revision'>> {
  const { userId, target, tokens, client } = grant;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const existing = await (userId === null
      ? store.findShared(target.server.name, target.provider.name)
      : store.findFor(userId, target.server.name));
    const unsealed: Omit<NewConnection, 'sealedCredential'> = {
      id: existing?.id ?? newId('con', clock()),
      userId,
      server: target.server.name,
      credentialProvider: target.provider.name,
      state: 'connected',
      revision: (existing?.revision ?? 0) + 1,
      issuer: client.issuer,
      resource: grant.resource,
      tokenEndpoint: grant.tokenEndpoint,
      revocationEndpoint: grant.revocationEndpoint,
      targetOrigin: new URL(target.server.spec.url).origin,
      clientId: client.clientId,
      scopes: tokens.scopes ?? grant.requestedScopes,
      accessExpiresAt: tokens.expiresAt,
      refreshDueAt:
        tokens.refreshToken === null
          ? tokens.expiresAt
          : refreshDueAt({ obtainedAt: clock(), expiresAt: tokens.expiresAt, random: random() }),
      refreshFailures: 0,
      accountId: grant.account?.id ?? null,
      accountName: grant.account?.name ?? null,
    };
    const sealedCredential = sealCredential(vault, unsealed, {
      v: 1,
      accessToken: tokens.accessToken,
      refreshToken: tokens.refreshToken,
      clientAuthentication: client.authentication,
      requestedScopes: [...grant.requestedScopes],
      pins: pinsOf(target),
    });
    const connection = { ...unsealed, sealedCredential };
    if (existing ? await store.replace(connection, existing.revision) : await store.create(connection))
      return connection;
  }
  throw new SallyportError(
    'connection_contended',
    'The connection was changed by somebody else at the same time: try again.',
  );
}
