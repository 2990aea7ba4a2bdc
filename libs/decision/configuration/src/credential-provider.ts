import { z } from 'zod';
import { Cloud } from './cloud-account.js';
import { addOns } from './credential-add-ons.js';
import { Duration, HttpUrl, Name, Origin, Scope, SecretSource, ServerId } from './fields.js';

/** How fast tokens are renewed ahead of their end. What a user waits for is renewed at once, and counts in neither. */
const RefreshPace = z.strictObject({
  /** Renewals begun per minute, of all workers together: 6000. */
  perMinute: z.int().min(1).max(1_000_000).optional(),
  /** Renewals at a time in one worker: 5. */
  concurrency: z.int().min(1).max(100).optional(),
});

/** Per user; discovers everything from the server's URL (RFC 9728, RFC 8414) and registers itself (RFC 7591) unless `client` is given. */
const McpUserOAuth = z.strictObject({
  type: z.literal('mcp-user-oauth'),
  server: ServerId,
  scopes: z.array(Scope).optional(),
  /** The most it may be widened to when the server asks for more (RFC 6750, `insufficient_scope`): `scopes` unless said, and without either what the user agrees to. */
  maxScopes: z.array(Scope).max(64).optional(),
  /** How we become known where `client` says nothing: by our client metadata document where that is taken and our address is https, else by registering (RFC 7591), unless one of them is said. */
  registration: z.enum(['client-metadata-document', 'dynamic']).optional(),
  /** Our registration at one authorization server, made by hand. It is shown to that issuer only, whichever one the server names. */
  client: z
    .strictObject({
      issuer: z.url({ protocol: /^https?$/ }),
      clientId: z.string().min(1),
      clientSecret: SecretSource.optional(),
    })
    .optional(),
  ...addOns,
  refresh: RefreshPace.optional(),
});

/** A token we sign ourselves: `aud` = the server's resource, `sub` = the user, `act.sub` = the agent (RFC 8693 section 4.1). */
const GatewayToken = z.strictObject({
  type: z.literal('gateway-token'),
  server: ServerId,
  scopes: z.array(Scope).default([]),
  lifetime: Duration.default('5m'),
  ...addOns,
});

/** The server needs no credential; a deliberate choice, never a default. */
const None = z.strictObject({ type: z.literal('none'), server: ServerId, ...addOns });

/** What is the protocol's, the connection's or a proxy's, and `Authorization`, which has forms of its own (security rule S11). */
const RESERVED_HEADER =
  /^(host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|content-.*|accept.*|cookie|set-cookie|authorization|www-authenticate|dpop|mcp-.*|origin|referer|location|user-agent|forwarded|x-forwarded-.*|last-event-id|traceparent|tracestate|baggage|signature|signature-input|x-amz-date|x-amz-security-token)$/i;
const CredentialHeader = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9-]+$/, 'must be a header name')
  .refine(
    (name) => !RESERVED_HEADER.test(name),
    'is not a header a credential can be sent in: `authorization` has forms of its own (`bearer`, `basic`, `authorization`), others belong to the protocol',
  );
/** Stands before the secret, with a space between. */
const Word = z
  .string()
  .max(32)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be a word');

/** How a secret that never changes by itself is shown to the server. */
const Presentation = z.discriminatedUnion('as', [
  z.strictObject({ as: z.literal('bearer') }),
  /** RFC 7617. The secret is the password; without `username`, each user enters one too. */
  z.strictObject({
    as: z.literal('basic'),
    username: z
      .string()
      .min(1)
      .max(256)
      .regex(/^[^:\p{Cc}]+$/u, 'must have no colon and no control characters')
      .optional(),
  }),
  /** `Authorization` with another scheme than the two above. */
  z.strictObject({ as: z.literal('authorization'), scheme: Word }),
  z.strictObject({ as: z.literal('header'), name: CredentialHeader, prefix: Word.optional() }),
]);

/** An API key, a password or a token made by hand. Entered by each user on the connect page, unless `owner: shared` says that everybody gets the same one. */
const Static = z
  .strictObject({
    type: z.literal('static'),
    server: ServerId,
    owner: z.enum(['user', 'shared']).default('user'),
    send: Presentation,
    secret: SecretSource.optional(),
    /** Where a shared secret may be sent; it does not follow a server that moves (security rule S20). */
    origin: Origin.optional(),
    /** For the people who enter one: what it is called there, and where it is made. */
    label: z.string().min(1).max(80).optional(),
    help: HttpUrl.optional(),
    ...addOns,
  })
  .superRefine(({ owner, secret, origin, send, label, help }, context) => {
    const say = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (owner === 'shared') {
      if (secret === undefined) say('secret', 'is required where `owner` is `shared`');
      if (origin === undefined) say('origin', 'is required where `owner` is `shared`: the origin the secret is for');
      if (send.as === 'basic' && send.username === undefined) say('send', 'needs `username` where `owner` is `shared`');
      if (label !== undefined || help !== undefined)
        say(
          label === undefined ? 'help' : 'label',
          'is for people who enter a secret: nobody does where `owner` is `shared`',
        );
    } else {
      if (secret !== undefined) say('secret', 'is entered by each user: leave it out, or say `owner: shared`');
      if (origin !== undefined)
        say('origin', 'is kept with what each user enters: leave it out, or say `owner: shared`');
    }
  });

/** How our own client, registered by hand, proves itself at a token endpoint. */
const Client = z.discriminatedUnion('authentication', [
  z.strictObject({
    authentication: z.enum(['client_secret_basic', 'client_secret_post']),
    clientId: z.string().min(1).max(512),
    clientSecret: SecretSource,
  }),
  /** RFC 7523; the key is a private JWK. `assertionAudience`: the token endpoint unless said. */
  z.strictObject({
    authentication: z.literal('private_key_jwt'),
    clientId: z.string().min(1).max(512),
    clientKey: SecretSource,
    assertionAudience: z.string().min(1).max(2_048).optional(),
  }),
]);
const PROTOCOL_PARAMETER =
  /^(grant_type|client_id|client_secret|client_assertion|client_assertion_type|scope|resource|code|code_verifier|code_challenge|code_challenge_method|redirect_uri|state|nonce|response_type|response_mode|request|request_uri|refresh_token|subject_token.*|actor_token.*|requested_token.*|assertion)$/;
/** What a provider wants besides; never what the protocol, or a field of the document, says already. */
const Parameters = z
  .record(
    z
      .string()
      .min(1)
      .max(64)
      .refine((name) => !PROTOCOL_PARAMETER.test(name), 'is a parameter with a place of its own'),
    z.string().max(1_024),
  )
  .refine((parameters) => Object.keys(parameters).length <= 16, 'has more than 16 parameters');

/** One token for everybody, issued to our own client (RFC 6749 section 4.4). */
const ClientCredentials = z.strictObject({
  type: z.literal('client-credentials'),
  server: ServerId,
  tokenEndpoint: HttpUrl,
  client: Client,
  scopes: z.array(Scope).max(64).default([]),
  audience: z.string().min(1).max(2_048).optional(),
  /** Whether the server's resource (RFC 8707) is asked for; some providers reject that. */
  resource: z.boolean().default(true),
  parameters: Parameters.default({}),
  /** Where its tokens may be sent; they do not follow a server that moves (security rule S20). */
  origin: Origin,
  ...addOns,
});

/** What the kinds have in common that turn a person's sign-in at the identity provider into a token of the server's. */
const SignInExchange = z.strictObject({
  server: ServerId,
  /** Whose tokens are exchanged; its document must say `session: { keepTokens: true }`. Who signed in elsewhere gets nothing. */
  trustProvider: Name,
  /** Where the exchange is made, if not at the trust provider's own token endpoint. */
  tokenEndpoint: HttpUrl.optional(),
  scopes: z.array(Scope).max(64).default([]),
  /** Where its tokens may be sent; they do not follow a server that moves (security rule S20). */
  origin: Origin,
  ...addOns,
});

/** On behalf of the user: RFC 8693, or the form Entra ID has for it. */
const TokenExchange = z
  .strictObject({
    type: z.literal('token-exchange'),
    ...SignInExchange.shape,
    grant: z.enum(['token-exchange', 'on-behalf-of']).default('token-exchange'),
    /** Our client there, if not the one people sign in with. */
    client: Client.optional(),
    subjectToken: z.enum(['access_token', 'id_token']).default('access_token'),
    requestedTokenType: z.enum(['access_token', 'jwt']).default('access_token'),
    audience: z.string().min(1).max(2_048).optional(),
    /** Whether the server's resource (RFC 8707) is asked for. */
    resource: z.boolean().default(true),
    /** Whether the agent is named in a token we sign (`actor_token`). */
    actorToken: z.boolean().default(false),
    parameters: Parameters.default({}),
  })
  .superRefine(({ grant, scopes, audience, actorToken, requestedTokenType }, context) => {
    if (grant !== 'on-behalf-of') return;
    const say = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (scopes.length === 0) say('scopes', 'is required with `on-behalf-of`: they say which API is meant');
    if (audience !== undefined) say('audience', 'does not exist with `on-behalf-of`: leave it out');
    if (actorToken) say('actorToken', 'does not exist with `on-behalf-of`: leave it out');
    if (requestedTokenType !== 'access_token')
      say('requestedTokenType', 'does not exist with `on-behalf-of`: leave it out');
  });

/** Cross-app access: the identity provider vouches for the user at the server's own authorization server (ID-JAG, RFC 8693 and RFC 7523). */
const IdJag = z.strictObject({
  type: z.literal('id-jag'),
  ...SignInExchange.shape,
  /** The server's authorization server. It must be the one the server names; nobody else is shown an assertion, or our client's secret. */
  issuer: z.url({ protocol: /^https?$/ }).max(2_048),
  /** Where its token endpoint is, if not at the issuer's origin. */
  tokenEndpointOrigin: Origin.optional(),
  /** Our client there. */
  client: Client,
});

/** Temporary credentials of a cloud, for each user: the cloud takes a token of ours as proof of who calls. */
const CloudAccount = z.strictObject({
  type: z.literal('cloud'),
  server: ServerId,
  cloud: Cloud,
  /** Where its credentials may be used; they do not follow a server that moves (security rule S20). */
  origin: Origin,
  ...addOns,
});

export const OAUTH_PRESETS = [
  'atlassian',
  'github',
  'google',
  'hubspot',
  'linear',
  'microsoft',
  'notion',
  'salesforce',
  'sentry',
  'slack',
] as const;
export type OAuthPreset = (typeof OAUTH_PRESETS)[number];
const FieldName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/, 'must be a field name');

/** A provider that cannot be discovered: its endpoints, and what it does otherwise than the specifications, given by hand or by a preset. */
const configuredOAuth = {
  server: ServerId,
  preset: z.enum(OAUTH_PRESETS).optional(),
  client: z.discriminatedUnion('authentication', [
    ...Client.options,
    z.strictObject({ authentication: z.literal('none'), clientId: z.string().min(1).max(512) }),
  ]),
  scopes: z.array(Scope).max(64).default([]),
  /** What it names itself in `iss` of its answers (RFC 9207); the token endpoint's origin unless said. */
  issuer: z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .optional(),
  authorizationEndpoint: HttpUrl.optional(),
  tokenEndpoint: HttpUrl.optional(),
  /** Where tokens are refreshed, if not at the token endpoint. */
  refreshEndpoint: HttpUrl.optional(),
  /** RFC 7009. */
  revocationEndpoint: HttpUrl.optional(),
  scopeSeparator: z.enum([' ', ',', '+']).optional(),
  /** The parameter scopes are asked for in: `scope` unless said. */
  scopeParameter: FieldName.optional(),
  authorizeParameters: Parameters.optional(),
  tokenParameters: Parameters.optional(),
  /** RFC 7636; on unless a provider cannot take it. */
  pkce: z.boolean().optional(),
  /** RFC 8707; on unless a provider cannot take it. */
  resource: z.boolean().optional(),
  /** How token requests are written: `form` unless said. */
  body: z.enum(['form', 'json']).optional(),
  /** Where in an answer the token object is; at the top unless it is there. */
  tokenPath: z.array(FieldName).min(1).max(4).optional(),
  /** Accepted `token_type` besides `bearer`; the token is sent as bearer all the same. */
  tokenTypes: z.array(FieldName).max(4).optional(),
  /** Where an error's code is: `error` unless said. */
  errorField: FieldName.optional(),
  /** What the number in `expires_in` counts: `seconds` unless said. */
  expiresIn: z.enum(['seconds', 'milliseconds']).optional(),
  /** How long a token lives whose answer does not say; for ever unless said. */
  unsaidLifetime: Duration.optional(),
  /** Where its answers say whose account it is: what stays the same, and what it is called. An ID token needs no such place. */
  account: z
    .strictObject({ id: z.array(FieldName).min(1).max(4), name: z.array(FieldName).min(1).max(4).optional() })
    .optional(),
  /** Where there are no refresh tokens: the access token itself is exchanged for a newer one, as in the Meta family. */
  renewal: z
    .strictObject({ grantType: FieldName, tokenParameter: FieldName, method: z.enum(['POST', 'GET']).default('POST') })
    .optional(),
  /** Errors that mean what `invalid_grant` does; `description` is compared as a whole. */
  deadGrant: z
    .array(z.strictObject({ error: z.string().min(1).max(128), description: z.string().min(1).max(512).optional() }))
    .max(8)
    .optional(),
  ...addOns,
  refresh: RefreshPace.optional(),
};
const needsEndpoints = (
  {
    preset,
    authorizationEndpoint,
    tokenEndpoint,
  }: {
    preset?: OAuthPreset | undefined;
    authorizationEndpoint?: string | undefined;
    tokenEndpoint?: string | undefined;
  },
  context: z.RefinementCtx,
) => {
  if (preset !== undefined) return;
  for (const [name, value] of Object.entries({ authorizationEndpoint, tokenEndpoint }))
    if (value === undefined)
      context.addIssue({ code: 'custom', path: [name], message: 'is required without a preset' });
};

/** Each user connects an account of their own there. */
const OAuthUser = z
  .strictObject({
    type: z.literal('oauth-user'),
    ...configuredOAuth,
    /** The most it may be widened to when the server asks for more: `scopes` unless said, and without either what the user agrees to. */
    maxScopes: z.array(Scope).max(64).optional(),
  })
  .superRefine(needsEndpoints);

/** One account there for everybody a policy allows, authorized once by an administrator (R41). */
const OAuthShared = z.strictObject({ type: z.literal('oauth-shared'), ...configuredOAuth }).superRefine(needsEndpoints);

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

/** Whether its credentials are people's own: then who is no person gets none (R5). */
export function isPersonal(spec: CredentialProviderSpec): boolean {
  return isConnected(spec) || spec.type === 'token-exchange' || spec.type === 'id-jag';
}

/** Whether each person connects an account of theirs, or enters a secret, before the first call. */
export function isConnected(spec: CredentialProviderSpec): boolean {
  return (
    spec.type === 'mcp-user-oauth' || spec.type === 'oauth-user' || (spec.type === 'static' && spec.owner === 'user')
  );
}

/** With what holds where its document says nothing. */
export function refreshPaceOf(spec: CredentialProviderSpec): {
  readonly perMinute: number;
  readonly concurrency: number;
} {
  const said = 'refresh' in spec ? spec.refresh : undefined;
  return { perMinute: said?.perMinute ?? 6_000, concurrency: said?.concurrency ?? 5 };
}
