import { z } from 'zod';
import { Cloud } from './cloud-account.js';
import { OAuthShared, OAuthUser } from './configured-oauth.js';
import { addOns } from './credential-add-ons.js';
import { Duration, HttpUrl, Name, Origin, Scope, SecretSource, ServerId } from './fields.js';
import { Client, Parameters, RefreshPace } from './oauth-client.js';
import { Static } from './static-secret.js';

/**
 * Each user connects their account at a server with MCP authorization. We discover its authorization server from the
 * server's URL (RFC 9728, RFC 8414), and register as its client (RFC 7591) unless `client` says otherwise.
 */
const McpUserOAuth = z.strictObject({
  type: z.literal('mcp-user-oauth'),
  server: ServerId,
  scopes: z.array(Scope).optional(),
  /**
   * The scopes we may ask for when the server wants more (RFC 6750, `insufficient_scope`); by default `scopes`. Without
   * both, we ask for whatever the server wants, and the user agrees or not.
   */
  maxScopes: z.array(Scope).max(64).optional(),
  /**
   * How we register where `client` is absent. By default with our client metadata document, if the authorization server
   * takes those and our address is https, else dynamically (RFC 7591).
   */
  registration: z.enum(['client-metadata-document', 'dynamic']).optional(),
  /** Our client, registered by hand at one issuer. We use it with that issuer only, whichever one the server names. */
  client: z
    .strictObject({
      issuer: z.url({ protocol: /^https?$/ }),
      clientId: z.string().min(1),
      clientSecret: SecretSource.optional(),
    })
    .optional(),
  /** The issuer to use, for servers that name none, or name another one than its metadata does. */
  authorizationServer: z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .optional(),
  /** Whether we send the `resource` parameter (RFC 8707); true by default. */
  resource: z.boolean().optional(),
  /**
   * We always use PKCE (RFC 7636). `assumed`: the authorization server supports it, but its metadata does not say so.
   */
  pkce: z.literal('assumed').optional(),
  ...addOns,
  refresh: RefreshPace.optional(),
});

/** A downstream token: `aud` is the server's resource, `sub` the user, `act.sub` the agent (RFC 8693 section 4.1). */
const GatewayToken = z.strictObject({
  type: z.literal('gateway-token'),
  server: ServerId,
  scopes: z.array(Scope).default([]),
  lifetime: Duration.default('5m'),
  ...addOns,
});

/** The server needs no credential. An administrator must say so; it is never a default. */
const None = z.strictObject({ type: z.literal('none'), server: ServerId, ...addOns });

/** One token for all users, issued to our own client (RFC 6749 section 4.4). */
const ClientCredentials = z.strictObject({
  type: z.literal('client-credentials'),
  server: ServerId,
  tokenEndpoint: HttpUrl,
  client: Client,
  scopes: z.array(Scope).max(64).default([]),
  audience: z.string().min(1).max(2_048).optional(),
  /** Whether we send the `resource` parameter (RFC 8707), which some providers reject. */
  resource: z.boolean().default(true),
  parameters: Parameters.default({}),
  /** The only origin that gets its tokens, also after the server's URL changes (security rule S20). */
  origin: Origin,
  ...addOns,
});

/** The fields of both types that turn a user's sign-in at the identity provider into a token for the server. */
const SignInExchange = z.strictObject({
  server: ServerId,
  /**
   * The identity provider whose tokens we exchange; its document must say `session: { keepTokens: true }`. Users who
   * signed in elsewhere get no token.
   */
  trustProvider: Name,
  /** The token endpoint of the exchange; by default the trust provider's. */
  tokenEndpoint: HttpUrl.optional(),
  scopes: z.array(Scope).max(64).default([]),
  /** The only origin that gets its tokens, also after the server's URL changes (security rule S20). */
  origin: Origin,
  ...addOns,
});

/** A token on behalf of the user: by token exchange (RFC 8693), or by Entra ID's on-behalf-of flow. */
const TokenExchange = z
  .strictObject({
    type: z.literal('token-exchange'),
    ...SignInExchange.shape,
    grant: z.enum(['token-exchange', 'on-behalf-of']).default('token-exchange'),
    /** Our client; by default the one that users sign in with. */
    client: Client.optional(),
    subjectToken: z.enum(['access_token', 'id_token']).default('access_token'),
    requestedTokenType: z.enum(['access_token', 'jwt']).default('access_token'),
    audience: z.string().min(1).max(2_048).optional(),
    /** Whether we send the `resource` parameter (RFC 8707). */
    resource: z.boolean().default(true),
    /** Whether we also send a token of ours that names the agent (`actor_token`). */
    actorToken: z.boolean().default(false),
    parameters: Parameters.default({}),
  })
  .superRefine(({ grant, scopes, audience, actorToken, requestedTokenType }, context) => {
    if (grant !== 'on-behalf-of') return;
    const say = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (scopes.length === 0) say('scopes', 'is required with `on-behalf-of`: it names the API');
    if (audience !== undefined) say('audience', 'has no place in `on-behalf-of`: leave it out');
    if (actorToken) say('actorToken', 'has no place in `on-behalf-of`: leave it out');
    if (requestedTokenType !== 'access_token')
      say('requestedTokenType', 'has no place in `on-behalf-of`: leave it out');
  });

/**
 * Cross-app access (ID-JAG): the identity provider issues an assertion about the user (RFC 8693), and the server's
 * authorization server issues a token for it (RFC 7523).
 */
const IdJag = z.strictObject({
  type: z.literal('id-jag'),
  ...SignInExchange.shape,
  /** The server's authorization server, which the server must name. Nobody else gets the assertion or our secret. */
  issuer: z.url({ protocol: /^https?$/ }).max(2_048),
  /** The origin of its token endpoint; by default the issuer's. */
  tokenEndpointOrigin: Origin.optional(),
  /** Our client at that authorization server. */
  client: Client,
});

/** Temporary credentials of a cloud for each user. The cloud accepts a token of ours as proof of the user. */
const CloudAccount = z.strictObject({
  type: z.literal('cloud'),
  server: ServerId,
  cloud: Cloud,
  /** The only origin that gets its credentials, also after the server's URL changes (security rule S20). */
  origin: Origin,
  ...addOns,
});

export const CredentialProviderSpec = z.discriminatedUnion('type', [
  McpUserOAuth,
  OAuthUser,
  OAuthShared,
  Static,
  ClientCredentials,
  TokenExchange,
  IdJag,
  CloudAccount,
  GatewayToken,
  None,
]);
export const CREDENTIAL_PROVIDER_TYPES = CredentialProviderSpec.options.map(({ shape }) => shape.type.value);
export type CredentialProviderSpec = z.infer<typeof CredentialProviderSpec>;
export type CredentialProviderOf<T extends CredentialProviderSpec['type']> = Extract<
  CredentialProviderSpec,
  { type: T }
>;

/** Whether its credentials belong to users, so that a machine agent gets none (R5). */
export function isPersonal(spec: CredentialProviderSpec): boolean {
  return isConnected(spec) || spec.type === 'token-exchange' || spec.type === 'id-jag';
}

/** Whether each user must connect an account or enter a secret before their first call. */
export function isConnected(spec: CredentialProviderSpec): boolean {
  return (
    spec.type === 'mcp-user-oauth' || spec.type === 'oauth-user' || (spec.type === 'static' && spec.owner === 'user')
  );
}

/** The document's refresh pace, with the defaults for what it does not say. */
export function refreshPaceOf(spec: CredentialProviderSpec): {
  readonly perMinute: number;
  readonly concurrency: number;
} {
  const said = 'refresh' in spec ? spec.refresh : undefined;
  return { perMinute: said?.perMinute ?? 6_000, concurrency: said?.concurrency ?? 5 };
}
