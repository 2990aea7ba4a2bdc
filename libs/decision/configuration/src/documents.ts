import { z } from 'zod';
import { CredentialProviderSpec } from './credential-provider.js';
import { Duration, HttpUrl, Name, Origin, Scope, SecretSource, ServerId } from './fields.js';
import { PublicKey } from './public-key.js';
import { TrustProviderSpec } from './trust-provider.js';
import { workloadAuthentication, WorkloadIssuerSpec } from './workload-issuer.js';

/** Within what a timer can count, and what a caller waits for. */
const CallTimeout = Duration.refine(
  (text) => Number.parseInt(text, 10) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[text.slice(-1)] ?? 1) <= 3_600,
  'must be at most 1h',
);
const Glob = z.string().min(1).max(256);

/** Groups and roles mean something only together with the provider that asserted them (security rule S1). */
const Members = z.strictObject({
  trustProvider: Name,
  groups: z.array(z.string().min(1)).max(256).optional(),
  /** Values of the provider's own roles claim. */
  providerRoles: z.array(z.string().min(1)).max(256).optional(),
  subjects: z.array(z.string().min(1)).max(1024).optional(),
});

const RoleSpec = z.strictObject({
  scopes: z.array(Scope).min(1).max(256),
  members: z.array(Members).max(256).default([]),
});

/** What a server may ask of the user while it works; nothing unless said (security rule S18). */
const MayAsk = z
  .strictObject({
    /** `form`: fields to fill in. `url`: a page to open, at one of `urlOrigins`. */
    elicitation: z.array(z.enum(['form', 'url'])).default([]),
    /** A completion by the client's model. */
    sampling: z.boolean().default(false),
    /** The directories the client works in. */
    roots: z.boolean().default(false),
    urlOrigins: z.array(Origin).max(64).default([]),
  })
  .refine(({ elicitation, urlOrigins }) => !elicitation.includes('url') || urlOrigins.length > 0, {
    path: ['urlOrigins'],
    message: '`url` needs the origins the server may send users to',
  });

const McpServerSpec = z.strictObject({
  title: z.string().min(1).max(80).optional(),
  /** The server's MCP endpoint; also its RFC 8707 resource unless `resource` says otherwise. */
  url: HttpUrl,
  resource: HttpUrl.optional(),
  timeout: CallTimeout.default('60s'),
  mayAsk: MayAsk.optional(),
});

const Users = z
  .strictObject({
    trustProvider: Name.optional(),
    groups: z.array(z.string().min(1)).optional(),
    subjects: z.array(z.string().min(1)).optional(),
    roles: z.array(Name).optional(),
  })
  .refine(
    (users) => !(users.groups || users.subjects) || users.trustProvider !== undefined,
    'groups and subjects need the trustProvider that asserts them',
  );
const Agents = z.strictObject({
  clientIds: z.array(z.string().min(1).max(2048)).optional(),
  /** Hosts of client ID metadata documents; never matches a dynamically registered client (security rule S2). */
  hosts: z.array(z.string().min(1)).optional(),
  /** At least this assurance: asserted < verified-redirect < key-authenticated. */
  assurance: z.enum(['asserted', 'verified-redirect', 'key-authenticated']).optional(),
  /** Only with tokens that are bound to a key of the agent's and shown with its proof (RFC 9449). */
  dpopBoundTokens: z.boolean().optional(),
  /** Agents that act for no human (R5): `never` unless said. They reach no server with a person's credential. */
  machines: z.enum(['never', 'also', 'only']).optional(),
});
const Conditions = z.strictObject({
  mfa: z.boolean().optional(),
  maxAuthAge: Duration.optional(),
  sourceCidrs: z.array(z.string()).min(1).optional(),
  /** `Mon-Fri 07:00-20:00 Europe/Berlin` */
  hours: z.string().optional(),
});
const common = {
  users: Users.optional(),
  agents: Agents.optional(),
  conditions: Conditions.optional(),
  /** A CEL expression that must be true. */ when: z.string().max(4096).optional(),
};

const OfferRule = z.strictObject({
  match: z.array(Glob).min(1),
  scope: Scope.optional(),
  roles: z.array(Name).optional(),
});
const ToolRule = OfferRule.extend({
  /** At a server some of whose tools are approved: also those that are not, or not as they are now. */
  unapproved: z.literal('allowed').optional(),
});
/** What was looked at and found good (security rule S14). Several definitions of one tool may be, as while a server is upgraded. */
const ApprovedToolsSpec = z.strictObject({
  tools: z
    .array(
      z.strictObject({
        /** The server's own name of it. */
        name: z.string().min(1).max(128),
        /** Of the definition, as `GET /v1/tool-definitions` and the events `tool.listed` tell it. */
        sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 digest in 64 lower-case hexadecimal digits'),
        /** What policies may rely on; what is not said is the worst. */
        annotations: z
          .strictObject({
            readOnlyHint: z.boolean().optional(),
            destructiveHint: z.boolean().optional(),
            idempotentHint: z.boolean().optional(),
            openWorldHint: z.boolean().optional(),
          })
          .optional(),
      }),
    )
    .max(10_000),
});
export type ApprovedTool = z.infer<typeof ApprovedToolsSpec>['tools'][number];
const AccessPolicySpec = z.discriminatedUnion('hop', [
  z.strictObject({ hop: z.literal('client-to-gateway'), trustProviders: z.array(Name).min(1).optional(), ...common }),
  z.strictObject({
    hop: z.literal('gateway-to-server'),
    server: ServerId,
    ...common,
    /** Required: a policy without a credential provider is refused when it is written (R27). */
    credentialProvider: Name,
    tools: z.array(ToolRule).default([]),
    resources: z.array(OfferRule).default([]),
    prompts: z.array(OfferRule).default([]),
  }),
]);

/** The token itself is nowhere: `openssl rand -hex 32` makes one, and `printf %s <token> | sha256sum` its digest. */
const InitialAccessToken = z.strictObject({
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 digest of the token in 64 lower-case hexadecimal digits'),
  expiresAt: z.iso.datetime({ offset: true }),
  /** How many agents may register with it. */
  uses: z.int().min(1).max(1_000_000),
});
const ClientRegistrationSpec = z.strictObject({
  /** Client ID Metadata Documents: https hosts whose documents may name an agent; `*` alone means any host. */
  metadataDocuments: z
    .strictObject({
      enabled: z.boolean().default(true),
      allowedHosts: z.array(z.string()).default(['*']),
      deniedHosts: z.array(z.string()).default([]),
    })
    .prefault({}),
  /** RFC 7591. `gated` asks for an initial access token. */
  dynamic: z
    .strictObject({
      mode: z.enum(['off', 'gated', 'open']).default('gated'),
      /** Hosts, with any path of theirs and no query; or whole URIs, which a private-use scheme needs (RFC 8252 section 8.4). */
      redirectHosts: z.array(z.string()).default(['127.0.0.1', '[::1]', 'localhost']),
      /** Of what is handed to those who may register in `gated` mode; without any, nobody can. */
      initialAccessTokens: z.array(InitialAccessToken).max(256).optional(),
      /** A registration that was issued no token in this time is removed: 7d, at least 1h. */
      unusedFor: Duration.optional(),
      /** A registration that no session has used for this time is removed: 90d, at least 1h. */
      idleFor: Duration.optional(),
      /** How many registrations are kept: 10000. Those nobody used make room for a new one, then the longest unused. */
      most: z.int().min(1).max(1_000_000).optional(),
      /** With how many of them one user has sessions: 50. The one they did not use for longest makes room. */
      perUser: z.int().min(1).max(10_000).optional(),
    })
    .prefault({}),
});
/** An agent registered by hand; its client id is the document's name. The user still signs in and consents. */
const AgentSpec = z.strictObject({
  displayName: z.string().min(1).max(80),
  /** Compared exactly; on loopback the port may vary (RFC 8252 section 7.3). */
  redirectUris: z.array(z.string().min(1).max(2048)).max(32).default([]),
  /** It acts for no human (RFC 6749 section 4.4), with these roles; then it has no redirect URIs, and must authenticate. */
  machine: z.strictObject({ roles: z.array(Name).max(64).default([]) }).optional(),
  /** It is no agent but this server, which may ask whether a token that was made for it is good (RFC 7662). It gets none itself. */
  introspects: ServerId.optional(),
  authentication: z
    .discriminatedUnion('method', [
      z.strictObject({ method: z.literal('none') }),
      z.strictObject({ method: z.literal('client_secret'), clientSecret: SecretSource }),
      z
        .strictObject({
          method: z.literal('private_key_jwt'),
          keys: z.array(PublicKey).min(1).max(8).optional(),
          jwksUri: z.url({ protocol: /^https$/ }).optional(),
        })
        .refine((key) => (key.keys === undefined) !== (key.jwksUri === undefined), 'needs either keys or jwksUri'),
      /** A token its platform issued to it, and no secret at all (RFC 7523 section 2.2). For machines. */
      workloadAuthentication(Name),
    ])
    .prefault({ method: 'none' }),
});
const PerMinute = z.int().min(1).max(10_000_000);
/**
 * `address` is of one network address (of IPv6, a /64) and `total` of all together, both of requests that prove neither an
 * agent nor a grant; `client` is of one agent that authenticates.
 */
const EndpointLimits = z.strictObject({
  total: PerMinute.optional(),
  client: PerMinute.optional(),
  address: PerMinute.optional(),
});
const AuthorizationServerSpec = z.strictObject({
  lifetimes: z
    .strictObject({
      /** Of what an agent shows the gateway; at most 1h (R47). */
      accessToken: Duration.default('15m'),
      /** Of what an agent without a human shows the gateway; at most 1h. */
      machineToken: Duration.default('10m'),
      /** A session that no agent came back for ends after this time (R86). */
      sessionIdle: Duration.default('14d'),
      /** However much it is used, a session ends after this time; the user then signs in again. */
      session: Duration.default('90d'),
    })
    .prefault({}),
  signingKeys: z
    .strictObject({
      /** Of agents' tokens, ID tokens and downstream tokens. Another one means a rotation: the next keys are of it. */
      algorithm: z.enum(['ES256', 'RS256', 'EdDSA']).default('ES256'),
      /** How long a key signs before the next one does. */
      rotateEvery: Duration.default('90d'),
      /** How long a key is published before it signs: whoever verifies has seen it by then. */
      publishAhead: Duration.default('10m'),
    })
    .prefault({}),
  /** Requests per minute that one replica takes. Whoever proves an agent or a grant is refused for nothing that others send. */
  limits: z
    .strictObject({
      /** `/authorize` and `/par`: 6000 in total, 600 of one address, 3000 of one agent. */
      authorize: EndpointLimits.optional(),
      /** `/token`: 12000 in total, 600 of one address, 6000 of one agent. */
      token: EndpointLimits.optional(),
      /** `/register` where it is open: 1200 in total, 120 of one address. */
      register: EndpointLimits.pick({ total: true, address: true }).strict().optional(),
      /** `/revoke` and `/introspect`: 12000 in total, 600 of one address, 6000 of one agent. */
      status: EndpointLimits.optional(),
      /** Authorizations and tokens of one user through whatever agents: 600. */
      user: PerMinute.optional(),
      /** Tokens of one agent session: 120. */
      session: PerMinute.optional(),
      /**
       * Client metadata documents and key sets fetched from hosts that agents name: 600 altogether, 60 from one host, 30 for
       * one address that names them. For agents with a session there are another 600, which nobody else can spend.
       */
      documents: z
        .strictObject({ total: PerMinute.optional(), host: PerMinute.optional(), address: PerMinute.optional() })
        .optional(),
    })
    .optional(),
  /** Whoever has just let an agent in is shown the way to their accounts at all servers, before they return to it. Without it, an account is connected when an agent first needs it. */
  offerAccounts: z.boolean().optional(),
});
const GatewaySpec = z.strictObject({
  /** `never` is possible with a single server only (security rule S12). */
  toolPrefix: z.enum(['server', 'never']).default('server'),
});
/** What a webhook can be told of: what somebody outside has to act on. */
export const WEBHOOK_EVENTS = [
  'connection.needs_reconnect',
  'credential-provider.paused',
  'credential-provider.resumed',
] as const;
/** Events are posted to `url`, signed as Standard Webhooks say, and tried again for a day. */
const WebhookSpec = z.strictObject({
  url: HttpUrl,
  events: z.array(z.enum(WEBHOOK_EVENTS)).min(1).max(WEBHOOK_EVENTS.length),
  /** `whsec_` and 24 to 64 bytes in base64. */
  signingSecret: SecretSource,
});
const OutboundNetworkSpec = z.strictObject({
  /** Hosts on private, loopback or otherwise reserved addresses that we may call, and where plain http is tolerated. */
  allow: z
    .array(
      z.strictObject({
        host: z.string().min(1),
        ports: z.array(z.int().min(1).max(65535)).optional(),
        http: z.boolean().default(false),
      }),
    )
    .max(256),
});

const document = <K extends string, S extends z.ZodType, N extends z.ZodType<string>>(kind: K, name: N, spec: S) =>
  z.strictObject({ kind: z.literal(kind), name, spec });
export const Document = z.discriminatedUnion('kind', [
  document('TrustProvider', Name, TrustProviderSpec),
  document('Role', Name, RoleSpec),
  document('McpServer', ServerId, McpServerSpec),
  /** By the name of the server. */
  document('ApprovedTools', ServerId, ApprovedToolsSpec),
  document('CredentialProvider', Name, CredentialProviderSpec),
  document('AccessPolicy', Name, AccessPolicySpec),
  document('Agent', Name, AgentSpec),
  document('WorkloadIssuer', Name, WorkloadIssuerSpec),
  document('ClientRegistration', z.literal('default'), ClientRegistrationSpec),
  document('AuthorizationServer', z.literal('default'), AuthorizationServerSpec),
  document('Gateway', z.literal('default'), GatewaySpec),
  document('OutboundNetwork', z.literal('default'), OutboundNetworkSpec),
  document('Webhook', Name, WebhookSpec),
]);
export type Document = z.infer<typeof Document>;
export type DocumentKind = Document['kind'];
export type DocumentOf<K extends DocumentKind> = Extract<Document, { kind: K }>;
export type AccessPolicySpec = z.infer<typeof AccessPolicySpec>;
