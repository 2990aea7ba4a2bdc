import {
  accountOf,
  exchangeCode,
  isSameIdentifier,
  lasting,
  readAuthorizationResponse,
  revokeGrant,
  shownAddress,
  temporary,
  type ClientAuthentication,
  type Failure,
  type FailureDetail,
  type OAuthClient,
  type ProviderWords,
  type TokenResult,
} from '@sallyport/oauth';
import {
  configuredTarget,
  pinsOf,
  storeGrant,
  type ConfiguredTarget,
  type Connection,
  type ConnectionStore,
} from '@sallyport/connection';
import { isForgotten } from '@sallyport/oauth/registration';
import { tokenQuirksOf } from '@sallyport/oauth/presets';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import type { SafeFetch } from '@sallyport/safe-fetch';
import type { BrowserSession } from '../../browser-session/browser-sessions.js';
import type { ConnectFailure, ConnectFailureReason } from './connect-failure.js';
import type { ConnectionConsents } from '../consents/connection-consents.js';
import type { AskingAgent } from './connect-ticket.js';
import type { PendingGrant, PendingGrants } from './pending-grants.js';

export type FinishResult =
  | {
      readonly type: 'connected';
      readonly grant: PendingGrant;
      readonly connection: Pick<Connection, 'id' | 'revision'>;
    }
  /** It was another account's so far: the user says whether that is meant. */
  | ({ readonly type: 'other_account'; readonly confirmation: string } & AccountQuestion)
  /** `state` is unknown, was used, or belongs to another browser or user: nothing of the response was looked at. */
  | { readonly type: 'not_yours' }
  /** The agent or its user was, while the browser was at the server: nothing of the response was looked at. */
  | { readonly type: 'revoked'; readonly grant: PendingGrant }
  | { readonly type: 'declined'; readonly grant: PendingGrant }
  | ({ readonly type: 'failed'; readonly grant: PendingGrant } & ConnectFailure);

/** Whether the account that was signed in with is meant to take the place of the one there is. */
export interface AccountQuestion {
  readonly grant: PendingGrant;
  readonly before: Pick<Connection, 'accountId' | 'accountName'> | null;
  readonly account: { readonly id: string; readonly name: string } | undefined;
}

export interface FinishContext {
  readonly pending: PendingGrants;
  readonly consents: ConnectionConsents;
  readonly store: ConnectionStore;
  readonly vault: Sealer;
  readonly fetch: SafeFetch;
  readonly clock: Clock;
  readonly random: () => number;
  readonly snapshot: () => ConfigurationSnapshot;
  readonly clientFor: (
    connection: { credentialProvider: string; issuer: string; clientId: string },
    authentication: ClientAuthentication,
  ) => Promise<OAuthClient | 'not_registered' | undefined>;
  readonly forgetRegistration: (client: OAuthClient) => Promise<void>;
  readonly redirectUri: string;
}

/** The user whom the returning browser belongs to. Nobody, if it followed an administrator's link. */
export interface ReturningBrowser {
  readonly idDigest: string;
  readonly userId: string | null;
}

/** Whether what the user, or their agent, was given a link for at that time (milliseconds) is void. */
export function isRevokedFor(
  { userId, agent }: { readonly userId: string | null; readonly agent: AskingAgent | null },
  issuedAt: number,
  { revocations }: Pick<ConfigurationSnapshot, 'revocations'>,
): boolean {
  return revocations.isRevoked({
    userId: userId ?? '',
    clientId: agent?.clientId ?? '',
    sid: agent?.sid ?? '',
    issuedAt: Math.floor(issuedAt / 1000),
  });
}

/** The callback: the same user in the same browser session (S23), `state` once, `iss` as announced, then the code. */
export async function finishConnecting(
  parameters: URLSearchParams,
  browsers: readonly ReturningBrowser[],
  context: FinishContext,
): Promise<FinishResult> {
  const states = parameters.getAll('state');
  const [state] = states;
  if (browsers.length === 0 || state === undefined || states.length !== 1) return { type: 'not_yours' };
  const grant = await context.pending.take(state);
  if (
    !grant ||
    grant.obtained ||
    !browsers.some(({ idDigest, userId }) => grant.sessionDigest === idDigest && grant.userId === userId)
  )
    return { type: 'not_yours' };

  if (isRevokedFor(grant, grant.ticketIssuedAt, context.snapshot())) return { type: 'revoked', grant };
  const response = readAuthorizationResponse(parameters, grant);
  if (response.type === 'untrusted')
    return { grant, ...lasting(`response_${response.reason}`, issuersOf(parameters, grant)) };
  if (response.type === 'refused')
    return response.error === 'access_denied'
      ? { type: 'declined', grant }
      : { grant, ...failureOf(response.error, detailOf(response.words)) };

  const found = await stillConfigured(grant, context);
  if (found.type === 'failed') return found;
  const { target, client } = found;
  const { tokenEndpoint, codeVerifier, resource, userId } = grant;
  const result = await exchangeCode(
    {
      tokenEndpoint,
      client,
      code: response.code,
      codeVerifier,
      redirectUri: context.redirectUri,
      resource,
      now: context.clock(),
      quirks: tokenQuirksOf(target.provider.spec),
    },
    context.fetch,
  );
  if (
    result.type === 'refused' &&
    result.error === 'invalid_client' &&
    (await isForgotten({ tokenEndpoint, client, now: context.clock() }, context.fetch))
  ) {
    await context.forgetRegistration(client);
    const said = result.description === null ? {} : { said: result.description };
    return {
      grant,
      ...lasting('client_forgotten', {
        tokenEndpoint: shownAddress(tokenEndpoint),
        oauthClientId: client.clientId,
        ...said,
      }),
    };
  }
  if (result.type !== 'granted') return { grant, ...exchangeFailure(result, tokenEndpoint) };
  const account = accountOf(result.tokens, { issuer: client.issuer, tokenEndpoint, clientId: client.clientId });
  const { accessToken, refreshToken, expiresAt, scopes: given } = result.tokens;
  const tokens = { accessToken, refreshToken, expiresAt, scopes: given && [...given] };
  // An administrator who connects everybody's account anew means it.
  const before = userId === null ? undefined : await context.store.findFor(userId, grant.server);
  if (
    before &&
    isSameIdentifier(before.issuer, client.issuer) &&
    before.accountId !== null &&
    before.accountId !== account?.id
  ) {
    const confirmation = context.pending.newState();
    await context.pending.keep(confirmation, { ...grant, obtained: { tokens, account } });
    return { type: 'other_account', grant, confirmation, before, account };
  }
  return keep(grant, { tokens, account }, { target, client }, context);
}

/** Of RFC 6749 section 4.1.2.1, and our own for what a token endpoint did. */
const SAYS_LATER: ReadonlySet<ConnectFailureReason> = new Set<ConnectFailureReason>([
  'server_error',
  'temporarily_unavailable',
  'unavailable',
  'unreachable',
  'ambiguous',
]);

/** What `iss` was to be, and is (RFC 9207). */
function issuersOf(parameters: URLSearchParams, { issuer }: PendingGrant): FailureDetail {
  return { wanted: shownAddress(issuer), got: shownAddress(parameters.get('iss') ?? '') };
}

/** Of a token endpoint: RFC 6749 section 5.2, RFC 8707 section 2, and what some answer in place of a 5xx. */
const TOKEN_ERRORS = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'server_error',
  'temporarily_unavailable',
] as const;

function exchangeFailure(
  result: Exclude<TokenResult, { type: 'granted' }>,
  tokenEndpoint: string,
): Failure<ConnectFailureReason> {
  const said = 'description' in result ? result.description : 'said' in result ? result.said : null;
  const detail = {
    tokenEndpoint: shownAddress(tokenEndpoint),
    ...(said !== null && { said }),
    ...('status' in result && { status: result.status }),
  };
  if (result.type !== 'refused') return failureOf(result.type, detail);
  const known = TOKEN_ERRORS.find((error) => error === result.error);
  return known === undefined
    ? failureOf('unknown_error', { error: result.error, ...detail })
    : failureOf(known, detail);
}

const failureOf = (reason: ConnectFailureReason, detail: FailureDetail): Failure<ConnectFailureReason> =>
  (SAYS_LATER.has(reason) ? temporary : lasting)(reason, detail);
const detailOf = ({ error, description }: ProviderWords): FailureDetail => ({
  ...(error !== null && { error }),
  ...(description !== null && { description }),
});

interface AccountAnswer {
  readonly confirmation: string;
  readonly isWanted: boolean;
  /** Whether this is what the page asked (security rule S35); otherwise it is asked again. */
  readonly isAsShown: (question: AccountQuestion) => boolean;
}

/**
 * Takes a user's answer whether they mean another account (security rule S23), once, from the browser that was asked.
 * Not wanted, the new grant ends where it came from.
 */
export async function confirmAccount(
  { confirmation, isWanted, isAsShown }: AccountAnswer,
  session: BrowserSession,
  context: FinishContext,
): Promise<FinishResult> {
  const grant = await context.pending.take(confirmation);
  if (!grant?.obtained || grant.sessionDigest !== session.idDigest || grant.userId !== session.userId)
    return { type: 'not_yours' };
  if (isRevokedFor(grant, grant.ticketIssuedAt, context.snapshot())) return { type: 'revoked', grant };
  const found = await stillConfigured(grant, context);
  if (found.type === 'failed') return found;
  if (isWanted) {
    const before = (await context.store.findFor(session.userId, grant.server)) ?? null;
    const question = { grant, before, account: grant.obtained.account };
    if (isAsShown(question)) return keep(grant, grant.obtained, found, context);
    const again = context.pending.newState();
    await context.pending.keep(again, grant);
    return { type: 'other_account', ...question, confirmation: again };
  }
  const { accessToken, refreshToken } = grant.obtained.tokens;
  const { revocationEndpoint, tokenEndpoint } = grant;
  if (revocationEndpoint !== null)
    await revokeGrant(
      {
        revocationEndpoint,
        tokenEndpoint,
        client: found.client,
        now: context.clock(),
        token: refreshToken ?? accessToken,
        tokenTypeHint: refreshToken === null ? 'access_token' : 'refresh_token',
      },
      context.fetch,
    );
  return { type: 'declined', grant };
}

async function stillConfigured(
  grant: PendingGrant,
  context: FinishContext,
): Promise<
  | { readonly type: 'found'; readonly target: ConfiguredTarget; readonly client: OAuthClient }
  | Extract<FinishResult, { type: 'failed' }>
> {
  const target = configuredTarget(context.snapshot(), grant);
  if (!target || JSON.stringify(pinsOf(target)) !== JSON.stringify(grant.pins))
    return { grant, ...lasting('configuration_changed') };
  const client = await context.clientFor(
    { credentialProvider: grant.credentialProvider, issuer: grant.issuer, clientId: grant.oauthClientId },
    grant.authentication,
  );
  return client && client !== 'not_registered'
    ? { type: 'found', target, client }
    : { grant, ...lasting('client_unknown') };
}

async function keep(
  grant: PendingGrant,
  { tokens, account }: NonNullable<PendingGrant['obtained']>,
  { target, client }: { target: ConfiguredTarget; client: OAuthClient },
  context: FinishContext,
): Promise<FinishResult & { type: 'connected' }> {
  const { userId, resource, tokenEndpoint, revocationEndpoint, scopes } = grant;
  const connection = await storeGrant(
    {
      userId,
      target,
      resource,
      tokenEndpoint: grant.refreshEndpoint ?? tokenEndpoint,
      revocationEndpoint,
      client,
      tokens,
      requestedScopes: scopes,
      account,
    },
    context,
  );
  if (grant.agent && userId !== null)
    await context.consents.give({ userId, clientId: grant.agent.clientId, server: grant.server });
  return { type: 'connected', grant, connection };
}
