import {
  createAuthorizationRequest,
  issuerOf,
  oauthUserRules,
  type OAuthUserProvider,
  discoverAuthorizationServer,
  discoverProtectedResource,
  pinsOf,
  scopeLimitOf,
  scopesToRequest,
  type ConfiguredTarget,
} from '@sallyport/credential';
import { SallyportError } from '@sallyport/kernel';
import type { SafeFetch } from '@sallyport/safe-fetch';
import type { BrowserSession } from '../session/browser-sessions.js';
import type { ConnectTicket } from './connect-ticket.js';
import type { OAuthClientRegistry } from './oauth-client-registry.js';
import type { PendingGrants } from './pending-grants.js';

export type StartResult =
  | { readonly type: 'continue'; readonly url: string }
  /** The server or its authorization server is not set up in a way that we accept; the reason is for the trail. */
  | { readonly type: 'failed'; readonly reason: string; readonly isTemporary: boolean };

export interface StartContext {
  readonly fetch: SafeFetch;
  readonly clients: OAuthClientRegistry;
  readonly pending: PendingGrants;
  readonly redirectUri: string;
}

type Asked = Omit<ConnectTicket, 'userId'> & { readonly userId: string | null };

/** Whoever is on the way reads and changes what a browser sends over plain http, `state` and challenge included. */
const INSECURE_PAGE: StartResult = { type: 'failed', reason: 'insecure_authorization_endpoint', isTemporary: false };

/** Discovers, registers where needed, and remembers the flow; the browser then goes to the server's authorization endpoint. */
export async function startConnecting(
  ticket: Asked,
  session: Pick<BrowserSession, 'idDigest'>,
  target: ConfiguredTarget,
  context: StartContext,
): Promise<StartResult> {
  try {
    return await start(ticket, session, target, context);
  } catch (error) {
    if (error instanceof SallyportError && error.code.startsWith('outbound_'))
      return { type: 'failed', reason: error.code, isTemporary: error.code !== 'outbound_refused' };
    throw error;
  }
}

async function start(
  ticket: Asked,
  session: Pick<BrowserSession, 'idDigest'>,
  target: ConfiguredTarget,
  { fetch, clients, pending, redirectUri }: StartContext,
): Promise<StartResult> {
  const { server, provider } = target;
  if (provider.spec.type === 'oauth-user' || provider.spec.type === 'oauth-shared')
    return startAtConfigured(
      ticket,
      session,
      { ...target, spec: provider.spec },
      { fetch, clients, pending, redirectUri },
    );
  const resource = await discoverProtectedResource(server.spec.url, fetch, server.spec.resource);
  if (resource.type === 'failed') return { type: 'failed', reason: resource.reason, isTemporary: false };
  const authorizationServer = await discoverAuthorizationServer(resource.authorizationServer, fetch);
  if (authorizationServer.type === 'failed')
    return { type: 'failed', reason: authorizationServer.reason, isTemporary: false };
  const { metadata } = authorizationServer;
  if (!fetch.mayVisit(metadata.authorization_endpoint)) return INSECURE_PAGE;
  const found = await clients.clientFor(target, metadata);
  if (found.type === 'failed') return { type: 'failed', reason: found.reason, isTemporary: false };
  const configured = provider.spec.type === 'mcp-user-oauth' ? provider.spec.scopes : undefined;
  const scopes = scopesToRequest(
    ticket.scopes ?? configured ?? withinLimit(resource.scopes, scopeLimitOf(provider.spec)),
    metadata,
  );
  const state = pending.newState();
  const request = createAuthorizationRequest(metadata, {
    clientId: found.client.clientId,
    redirectUri,
    resource: resource.resource,
    scopes,
    state,
  });
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
    resource: resource.resource,
    oauthClientId: found.client.clientId,
    authentication: found.client.authentication,
    codeVerifier: request.codeVerifier,
    scopes,
  });
  return { type: 'continue', url: request.url };
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
  { fetch, clients, pending, redirectUri }: StartContext,
): Promise<StartResult> {
  const { server, provider } = target;
  const rules = oauthUserRules(spec);
  if (!fetch.mayVisit(rules.authorizationEndpoint)) return INSECURE_PAGE;
  const found = await clients.configured(provider.name, spec);
  if (found.type === 'failed') return { type: 'failed', reason: found.reason, isTemporary: false };
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
