import { configuredTarget, exchangeCode, pinsOf, readAuthorizationResponse, storeGrant, tokenQuirksOf, type ClientAuthentication, type Connection, type ConnectionStore, type OAuthClient } from '@sallyport/credential';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import type { SafeFetch } from '@sallyport/safe-fetch';
import type { BrowserSession } from '../session/browser-sessions.js';
import type { ConnectionConsents } from './connection-consents.js';
import type { AskingAgent } from './connect-ticket.js';
import type { PendingGrant, PendingGrants } from './pending-grants.js';

export type FinishResult =
  | { readonly type: 'connected'; readonly grant: PendingGrant; readonly connection: Pick<Connection, 'id' | 'revision'> }
  /** `state` is unknown, was used, or belongs to another browser or user: nothing of the response was looked at. */
  | { readonly type: 'not_yours' }
  /** The agent or its user was, while the browser was at the server: nothing of the response was looked at. */
  | { readonly type: 'revoked'; readonly grant: PendingGrant }
  | { readonly type: 'declined'; readonly grant: PendingGrant }
  | { readonly type: 'failed'; readonly grant: PendingGrant; readonly reason: string };

export interface FinishContext {
  readonly pending: PendingGrants;
  readonly consents: ConnectionConsents;
  readonly store: ConnectionStore;
  readonly vault: Sealer;
  readonly fetch: SafeFetch;
  readonly clock: Clock;
  readonly random: () => number;
  readonly snapshot: () => ConfigurationSnapshot;
  readonly clientFor: (connection: { credentialProvider: string; issuer: string; clientId: string }, authentication: ClientAuthentication) => Promise<OAuthClient | undefined>;
  readonly redirectUri: string;
}

/** Whether what the user, or their agent, was given a link for at that time (milliseconds) is void. */
export function isRevokedFor({ userId, agent }: { readonly userId: string; readonly agent: AskingAgent | null }, issuedAt: number, { revocations }: Pick<ConfigurationSnapshot, 'revocations'>): boolean {
  return revocations.isRevoked({ userId, clientId: agent?.clientId ?? '', sid: agent?.sid ?? '', issuedAt: Math.floor(issuedAt / 1000) });
}

/** The callback: the same user in the same browser session (S23), `state` once, `iss` as announced, then the code. */
export async function finishConnecting(parameters: URLSearchParams, session: BrowserSession | undefined, context: FinishContext): Promise<FinishResult> {
  const states = parameters.getAll('state');
  const [state] = states;
  if (!session || state === undefined || states.length !== 1) return { type: 'not_yours' };
  const grant = await context.pending.take(state);
  if (!grant || grant.sessionDigest !== session.idDigest || grant.userId !== session.userId) return { type: 'not_yours' };

  if (isRevokedFor(grant, grant.ticketIssuedAt, context.snapshot())) return { type: 'revoked', grant };
  const response = readAuthorizationResponse(parameters, grant);
  if (response.type === 'untrusted') return { type: 'failed', grant, reason: response.reason };
  if (response.type === 'refused') return response.error === 'access_denied' ? { type: 'declined', grant } : { type: 'failed', grant, reason: response.error };

  const target = configuredTarget(context.snapshot(), grant);
  if (!target || JSON.stringify(pinsOf(target)) !== JSON.stringify(grant.pins)) return { type: 'failed', grant, reason: 'configuration_changed' };
  const client = await context.clientFor({ credentialProvider: grant.credentialProvider, issuer: grant.issuer, clientId: grant.oauthClientId }, grant.authentication);
  if (!client) return { type: 'failed', grant, reason: 'client_unknown' };

  const { tokenEndpoint, codeVerifier, resource, revocationEndpoint, scopes, userId } = grant;
  const result = await exchangeCode({ tokenEndpoint, client, code: response.code, codeVerifier, redirectUri: context.redirectUri, resource, now: context.clock(), quirks: tokenQuirksOf(target.provider.spec) }, context.fetch);
  if (result.type !== 'granted') return { type: 'failed', grant, reason: result.type === 'refused' ? result.error : result.type };
  const connection = await storeGrant({ userId, target, resource, tokenEndpoint: grant.refreshEndpoint ?? tokenEndpoint, revocationEndpoint, client, tokens: result.tokens, requestedScopes: scopes }, context);
  if (grant.agent) await context.consents.give({ userId, clientId: grant.agent.clientId, server: grant.server });
  return { type: 'connected', grant, connection };
}
