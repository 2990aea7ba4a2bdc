import { z } from 'zod';
import { Cloud } from './cloud-account.js';
import { OAuthShared, OAuthUser } from './configured-oauth.js';
import { addOns, origin, server } from './credential-add-ons.js';
import { Duration, HttpUrl, Name, Origin, Scope, SecretSource } from './fields.js';
import { Client, maxScopes, Parameters, refresh } from './oauth-client.js';
import { Static } from './static-secret.js';

const type = <T extends string>(name: T) => z.literal(name).describe('The type of credential.');
const scopes = z.array(Scope).max(64).default([]).describe('The scopes we ask for.');
const audience = z
  .string()
  .min(1)
  .max(2_048)
  .optional()
  .describe('The `audience` parameter, for providers that want one.');
const resource = z
  .boolean()
  .default(true)
  .describe('Whether we send the `resource` parameter (RFC 8707), which some providers reject.');
const parameters = Parameters.default({}).describe('Further parameters of the token request.');

/**
 * We discover the server's authorization server from its URL (RFC 9728, RFC 8414), and register as its client
 * (RFC 7591) unless `client` says otherwise.
 */
const McpUserOAuth = z
  .strictObject({
    type: type('mcp-user-oauth'),
    server,
    scopes: z.array(Scope).optional().describe('The scopes we ask for; by default those the server names.'),
    maxScopes,
    registration: z
      .enum(['client-metadata-document', 'dynamic'])
      .optional()
      .describe(
        'How we register where `client` is absent. By default with our client metadata document, if the ' +
          'authorization server takes those and our address is https, else dynamically (RFC 7591).',
      ),
    client: z
      .strictObject({
        issuer: z.url({ protocol: /^https?$/ }).describe('The issuer that we use the client with.'),
        clientId: z.string().min(1).describe('Our client id there.'),
        clientSecret: SecretSource.optional().describe('The client’s secret; a public client has none.'),
      })
      .optional()
      .describe(
        'Our client, registered by hand at one issuer. We use it with that issuer only, whichever the server names.',
      ),
    authorizationServer: z
      .url({ protocol: /^https?$/ })
      .max(2_048)
      .optional()
      .describe('The issuer to use, for servers that name none, or name another one than its metadata does.'),
    resource: z.boolean().optional().describe('Whether we send the `resource` parameter (RFC 8707); true by default.'),
    pkce: z
      .literal('assumed')
      .optional()
      .describe('We always use PKCE (RFC 7636). `assumed`: the authorization server supports it, but does not say so.'),
    ...addOns,
    refresh,
  })
  .describe('Each user connects their account at a server with MCP authorization.');

/** `aud` is the server's resource, `sub` the user, `act.sub` the agent (RFC 8693 section 4.1). */
const GatewayToken = z
  .strictObject({
    type: type('gateway-token'),
    server,
    scopes: z.array(Scope).default([]).describe('The scopes of the token.'),
    lifetime: Duration.default('5m').describe('How long the token lives; at most 1h.'),
    ...addOns,
  })
  .describe('A downstream token: we sign it ourselves, and it names the server, the user and the agent.');

const None = z
  .strictObject({ type: type('none'), server, ...addOns })
  .describe('The server needs no credential. An administrator must say so; it is never a default.');

const ClientCredentials = z
  .strictObject({
    type: type('client-credentials'),
    server,
    tokenEndpoint: HttpUrl.describe('Where we get the token.'),
    client: Client.describe('Our client, and how it authenticates.'),
    scopes,
    audience,
    resource,
    parameters,
    origin,
    ...addOns,
  })
  .describe('One token for all users, issued to our own client (RFC 6749 section 4.4).');

/** The fields of both types that turn a user's sign-in at the identity provider into a token for the server. */
const signInExchange = {
  server,
  trustProvider: Name.describe(
    'The identity provider whose tokens we exchange; its document must say `session: { keepTokens: true }`. Users ' +
      'who signed in elsewhere get no token.',
  ),
  tokenEndpoint: HttpUrl.optional().describe('The token endpoint of the exchange; by default the trust provider’s.'),
  scopes,
  origin,
  ...addOns,
};

const TokenExchange = z
  .strictObject({
    type: type('token-exchange'),
    ...signInExchange,
    grant: z
      .enum(['token-exchange', 'on-behalf-of'])
      .default('token-exchange')
      .describe('Token exchange (RFC 8693), or Entra ID’s on-behalf-of flow.'),
    client: Client.optional().describe('Our client; by default the one that users sign in with.'),
    subjectToken: z
      .enum(['access_token', 'id_token'])
      .default('access_token')
      .describe('Which token of the sign-in we exchange.'),
    requestedTokenType: z
      .enum(['access_token', 'jwt'])
      .default('access_token')
      .describe('The type of token we ask for.'),
    audience,
    resource,
    actorToken: z
      .boolean()
      .default(false)
      .describe('Whether we also send a token of ours that names the agent (`actor_token`).'),
    parameters,
  })
  .superRefine(({ grant, scopes, audience, actorToken, requestedTokenType }, context) => {
    if (grant !== 'on-behalf-of') return;
    const say = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (scopes.length === 0) say('scopes', 'is required with `on-behalf-of`: it names the API');
    if (audience !== undefined) say('audience', 'has no place in `on-behalf-of`: leave it out');
    if (actorToken) say('actorToken', 'has no place in `on-behalf-of`: leave it out');
    if (requestedTokenType !== 'access_token')
      say('requestedTokenType', 'has no place in `on-behalf-of`: leave it out');
  })
  .describe('A token on behalf of the user, in exchange for that of their sign-in.');

const IdJag = z
  .strictObject({
    type: type('id-jag'),
    ...signInExchange,
    issuer: z
      .url({ protocol: /^https?$/ })
      .max(2_048)
      .describe(
        'The server’s authorization server, which the server must name. Nobody else gets the assertion or our secret.',
      ),
    tokenEndpointOrigin: Origin.optional().describe('The origin of its token endpoint; by default the issuer’s.'),
    client: Client.describe('Our client at that authorization server.'),
  })
  .describe(
    'Cross-app access (ID-JAG): the identity provider issues an assertion about the user (RFC 8693), and the ' +
      'server’s authorization server issues a token for it (RFC 7523).',
  );

const CloudAccount = z
  .strictObject({
    type: type('cloud'),
    server,
    cloud: Cloud.describe('The cloud, and who users are there.'),
    origin,
    ...addOns,
  })
  .describe('Temporary credentials of a cloud for each user. The cloud accepts a token of ours as proof of the user.');

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
