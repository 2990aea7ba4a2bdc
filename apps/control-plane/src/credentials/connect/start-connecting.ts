import {
  createAuthorizationRequest,
  lasting,
  outboundFailure,
  scopesToRequest,
  shownAddress,
  type Failure,
  type OAuthClient,
} from '@sallyport/oauth';
import { discoverSignIn, type AuthorizationServerMetadata } from '@sallyport/oauth/discovery';
import { isForgotten } from '@sallyport/oauth/registration';
import { issuerOf, oauthUserRules, type OAuthUserProvider } from '@sallyport/oauth/presets';
import { pinsOf, type ConfiguredTarget } from '@sallyport/connection';
import { scopeLimitOf } from '@sallyport/credential';
import type { Clock } from '@sallyport/kernel';
import type { SafeFetch } from '@sallyport/safe-fetch';
import type { BrowserSession } from '../../browser-session/browser-sessions.js';
import type { ConnectFailureReason } from './connect-failure.js';
import type { ConnectTicket } from './connect-ticket.js';
import type { ClientResult, OAuthClientRegistry } from './oauth-client-registry.js';
import type { PendingGrants } from './pending-grants.js';

export type StartResult =
  | { readonly type: 'continue'; readonly url: string }
  /** The set-up of the server or of its authorization server is not acceptable. Reason and detail are for the trail. */
  | Failure<ConnectFailureReason>;

export interface StartContext {
  readonly fetch: SafeFetch;
  readonly clients: OAuthClientRegistry;
  readonly pending: PendingGrants;
  readonly redirectUri: string;
  readonly clock: Clock;
  readonly forgetRegistration: (client: OAuthClient) => Promise<void>;
}

type Asked = Omit<ConnectTicket, 'userId'> & { readonly userId: string | null };

/** Whoever is on the way reads and changes what a browser sends over plain http, `state` and challenge included. */
const insecurePage = (address: string): StartResult =>
  lasting('insecure_authorization_endpoint', { address: shownAddress(address) });

/**
 * Reads the metadata of the server, registers this installation where needed, and stores the flow. The browser then
 * goes to the server's authorization endpoint.
 */
export async function startConnecting(
  ticket: Asked,
  session: Pick<BrowserSession, 'idDigest'>,
  target: ConfiguredTarget,
  context: StartContext,
): Promise<StartResult> {
  try {
    return await start(ticket, session, target, context);
  } catch (error) {
    return outboundFailure(error);
  }
}

async function start(
  ticket: Asked,
  session: Pick<BrowserSession, 'idDigest'>,
  target: ConfiguredTarget,
  { fetch, clients, pending, redirectUri, clock, forgetRegistration }: StartContext,
): Promise<StartResult> {
  const { server, provider } = target;
  if (provider.spec.type === 'oauth-user' || provider.spec.type === 'oauth-shared')
    return startAtConfigured(
      ticket,
      session,
      { ...target, spec: provider.spec },
      { fetch, clients, pending, redirectUri },
    );
  const own = provider.spec.type === 'mcp-user-oauth' ? provider.spec : undefined;
  const signIn = await discoverSignIn(
    {
      serverUrl: server.spec.url,
      resource: server.spec.resource,
      authorizationServer: own?.authorizationServer,
      clientIssuer: own?.client?.issuer,
      isPkceAssumed: own?.pkce === 'assumed',
    },
    fetch,
  );
  if (signIn.type === 'failed') return signIn;
  const { metadata, resource } = signIn;
  if (!fetch.mayVisit(metadata.authorization_endpoint)) return insecurePage(metadata.authorization_endpoint);
  // Where the code is brought afterwards: nobody agrees to anything that cannot be finished.
  await fetch.refuse(metadata.token_endpoint);
  const scopes = scopesToRequest(
    ticket.scopes ?? own?.scopes ?? withinLimit(signIn.scopes, scopeLimitOf(provider.spec)),
    metadata,
  );
  const requestOf = ({ clientId }: OAuthClient, state: string) =>
    createAuthorizationRequest(metadata, {
      clientId,
      redirectUri,
      resource,
      scopes,
      state,
      quirks: { resource: own?.resource },
    });
  const toNobody = (client: OAuthClient) => requestOf(client, pending.newState()).url;
  const found = await knownClient(
    target,
    { metadata, scopes, toNobody },
    { fetch, clients, pending, clock, forgetRegistration },
  );
  if (found.type === 'failed') return found;
  const state = pending.newState();
  const request = requestOf(found.client, state);
  await pending.keep(state, {
    v: 2,
    sessionDigest: session.idDigest,
    userId: ticket.userId,
    agent: ticket.agent,
    ticketIssuedAt: ticket.issuedAt,
    server: server.name,
    credentialProvider: provider.name,
    pins: pinsOf(target),
    issuer: metadata.issuer,
    issuerAnnounced: metadata.authorization_response_iss_parameter_supported ?? false,
    tokenEndpoint: metadata.token_endpoint,
    revocationEndpoint: metadata.revocation_endpoint ?? null,
    resource,
    oauthClientId: found.client.clientId,
    authentication: found.client.authentication,
    codeVerifier: request.codeVerifier,
    scopes,
  });
  return { type: 'continue', url: request.url };
}

/**
 * Checks a registration first from which a browser did not come back: no user is sent to an authorization server that
 * does not know this installation.
 */
async function knownClient(
  target: ConfiguredTarget,
  {
    metadata,
    scopes,
    toNobody,
  }: {
    readonly metadata: AuthorizationServerMetadata;
    readonly scopes: readonly string[];
    readonly toNobody: (client: OAuthClient) => string;
  },
  { fetch, clients, pending, clock, forgetRegistration }: Omit<StartContext, 'redirectUri'>,
): Promise<ClientResult> {
  const found = await clients.clientFor(target, metadata, scopes);
  if (found.type === 'failed' || found.client.expiresAt === undefined || !(await pending.hasUnreturned(found.client)))
    return found;
  const asked = {
    tokenEndpoint: metadata.token_endpoint,
    client: found.client,
    now: clock(),
    authorizationRequest: toNobody(found.client),
  };
  if (!(await isForgotten(asked, fetch))) return found;
  await forgetRegistration(found.client);
  return clients.clientFor(target, metadata, scopes);
}

/** What a server announces is not more than what its provider may ask for (security rule S24). */
function withinLimit(scopes: readonly string[], limit: ReadonlySet<string> | undefined): readonly string[] {
  return limit === undefined ? scopes : scopes.filter((scope) => limit.has(scope));
}

/** Nothing is discovered: endpoints and oddities are the document's. */
async function startAtConfigured(
  ticket: Asked,
  session: Pick<BrowserSession, 'idDigest'>,
  { spec, ...target }: ConfiguredTarget & { spec: OAuthUserProvider },
  { fetch, clients, pending, redirectUri }: Pick<StartContext, 'fetch' | 'clients' | 'pending' | 'redirectUri'>,
): Promise<StartResult> {
  const { server, provider } = target;
  const rules = oauthUserRules(spec);
  if (!fetch.mayVisit(rules.authorizationEndpoint)) return insecurePage(rules.authorizationEndpoint);
  for (const endpoint of [rules.tokenEndpoint, rules.refreshEndpoint])
    if (endpoint !== undefined) await fetch.refuse(endpoint);
  const found = await clients.configured(provider.name, spec);
  if (found.type === 'failed') return found;
  const resource = server.spec.resource ?? server.spec.url;
  const scopes = ticket.scopes ?? spec.scopes;
  const state = pending.newState();
  const request = createAuthorizationRequest(
    { authorization_endpoint: rules.authorizationEndpoint },
    { clientId: spec.client.clientId, redirectUri, resource, scopes, state, quirks: rules },
  );
  await pending.keep(state, {
    v: 2,
    sessionDigest: session.idDigest,
    userId: ticket.userId,
    agent: ticket.agent,
    ticketIssuedAt: ticket.issuedAt,
    server: server.name,
    credentialProvider: provider.name,
    pins: pinsOf(target),
    issuer: issuerOf(rules),
    issuerAnnounced: false,
    tokenEndpoint: rules.tokenEndpoint,
    ...(rules.refreshEndpoint === undefined ? {} : { refreshEndpoint: rules.refreshEndpoint }),
    revocationEndpoint: rules.revocationEndpoint ?? null,
    resource,
    oauthClientId: spec.client.clientId,
    authentication: spec.client.authentication,
    codeVerifier: rules.pkce === false ? null : request.codeVerifier,
    scopes: [...scopes],
  });
  return { type: 'continue', url: request.url };
}
