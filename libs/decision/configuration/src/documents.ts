import { z } from 'zod';
import { AdministratorsSpec } from './administrators.js';
import { CredentialProviderSpec } from './credential-provider.js';
import { Duration, HttpUrl, Name, Origin, Scope, SecretSource, ServerId } from './fields.js';
import { Members } from './members.js';
import { PublicKey } from './public-key.js';
import { TrustProviderSpec } from './trust-provider.js';
import { workloadAuthentication, WorkloadIssuerSpec } from './workload-issuer.js';

/** How long a call may take: at most an hour, which a timer can count and a caller may wait for. */
const CallTimeout = Duration.refine(
  (text) => Number.parseInt(text, 10) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[text.slice(-1)] ?? 1) <= 3_600,
  'must be at most 1h',
);
const Glob = z.string().min(1).max(256);

const RoleSpec = z.strictObject({
  scopes: z.array(Scope).min(1).max(256),
  members: z.array(Members).max(256).default([]),
});

/** The questions a server may ask the user during a call; none by default (security rule S18). */
const MayAsk = z
  .strictObject({
    /** `form`: the user fills in fields. `url`: the user opens a page at one of `urlOrigins`. */
    elicitation: z.array(z.enum(['form', 'url'])).default([]),
    /** The server may ask for a completion by the agent's model. */
    sampling: z.boolean().default(false),
    /** The server may ask for the directories the agent works in. */
    roots: z.boolean().default(false),
    urlOrigins: z.array(Origin).max(64).default([]),
  })
  .refine(({ elicitation, urlOrigins }) => !elicitation.includes('url') || urlOrigins.length > 0, {
    path: ['urlOrigins'],
    message: '`url` needs `urlOrigins`: the origins that the server may send users to',
  });

const McpServerSpec = z.strictObject({
  title: z.string().min(1).max(80).optional(),
  /** The server's MCP endpoint, and its resource (RFC 8707) unless `resource` says otherwise. */
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
    '`groups` and `subjects` need `trustProvider`: the identity provider that asserts them',
  );
const Agents = z.strictObject({
  clientIds: z.array(z.string().min(1).max(2048)).optional(),
  /** Hosts of client ID metadata documents. A dynamically registered agent never matches (security rule S2). */
  hosts: z.array(z.string().min(1)).optional(),
  /** The least assurance: asserted < verified-redirect < key-authenticated. */
  assurance: z.enum(['asserted', 'verified-redirect', 'key-authenticated']).optional(),
  /** Whether the agent's token must be bound to a key of the agent (RFC 9449). */
  dpopBoundTokens: z.boolean().optional(),
  /** Whether machine agents match; `never` by default. They reach no server with a user's credential (R5). */
  machines: z.enum(['never', 'also', 'only']).optional(),
});
const Conditions = z.strictObject({
  mfa: z.boolean().optional(),
  maxAuthAge: Duration.optional(),
  sourceCidrs: z.array(z.string()).min(1).optional(),
  /** Days, hours and a time zone: `Mon-Fri 07:00-20:00 Europe/Berlin`. */
  hours: z.string().optional(),
});
const common = {
  users: Users.optional(),
  agents: Agents.optional(),
  conditions: Conditions.optional(),
  /** A CEL expression that must be true. */
  when: z.string().max(4096).optional(),
};

const OfferRule = z.strictObject({
  match: z.array(Glob).min(1),
  scope: Scope.optional(),
  roles: z.array(Name).optional(),
});
const ToolRule = OfferRule.extend({
  /** Whether the rule also allows tools without an approval, at a server with an `ApprovedTools` document. */
  unapproved: z.literal('allowed').optional(),
});
/**
 * The tool definitions of a server that an administrator approved (security rule S14). One tool may have several, such
 * as while the server is upgraded.
 */
export const ApprovedToolsSpec = z.strictObject({
  tools: z
    .array(
      z.strictObject({
        /** The tool's name at the server, without our prefix. */
        name: z
          .string()
          .min(1)
          .max(128)
          .refine((name) => !name.includes('\u0000') && name.isWellFormed(), 'holds a character that is no text'),
        /** The digest of the definition, as `GET /v1/tool-definitions` and the events `tool.listed` have it. */
        sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 digest in 64 lower-case hexadecimal digits'),
        /** The annotations that policies may rely on. One that is absent has its worst value. */
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
    /** Required: the control plane refuses a policy without a credential provider (R27). */
    credentialProvider: Name,
    tools: z.array(ToolRule).default([]),
    resources: z.array(OfferRule).default([]),
    prompts: z.array(OfferRule).default([]),
  }),
]);

/**
 * An initial access token (RFC 7591 section 3), of which the document has the digest only. `openssl rand -hex 32` makes
 * a token, `printf %s <token> | sha256sum` its digest.
 */
const InitialAccessToken = z.strictObject({
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 digest of the token in 64 lower-case hexadecimal digits'),
  expiresAt: z.iso.datetime({ offset: true }),
  /** How many agents may register with it. */
  uses: z.int().min(1).max(1_000_000),
});
const ClientRegistrationSpec = z.strictObject({
  /** Client ID metadata documents: the https hosts whose documents may describe an agent. `*` means any host. */
  metadataDocuments: z
    .strictObject({
      enabled: z.boolean().default(true),
      allowedHosts: z.array(z.string()).default(['*']),
      deniedHosts: z.array(z.string()).default([]),
    })
    .prefault({}),
  /** Dynamic registration (RFC 7591). `gated` demands an initial access token. */
  dynamic: z
    .strictObject({
      mode: z.enum(['off', 'gated', 'open']).default('gated'),
      /**
       * The redirect URIs that agents may register. A host allows all its paths, without a query. A private-use scheme
       * needs a whole URI (RFC 8252 section 8.4), whose last path segment may be `*`.
       */
      redirectHosts: z.array(z.string()).default(['127.0.0.1', '[::1]', 'localhost']),
      /** Whether the callbacks in `libs/inbound/authorization/src/popular-agents.ts` are allowed, too. */
      popularAgents: z.boolean().optional(),
      /** The tokens that agents may register with in `gated` mode. Without any, no agent can. */
      initialAccessTokens: z.array(InitialAccessToken).max(256).optional(),
      /** We remove a registration that got no token for this time; 7d by default, at least 1h. */
      unusedFor: Duration.optional(),
      /** We remove a registration that no session used for this time; 90d by default, at least 1h. */
      idleFor: Duration.optional(),
      /**
       * The most registrations; 10000 by default. A new one replaces one that was never used, else the longest unused.
       */
      most: z.int().min(1).max(1_000_000).optional(),
      /** The most registrations one user has sessions with; 50 by default. A new one replaces the longest unused. */
      perUser: z.int().min(1).max(10_000).optional(),
    })
    .prefault({}),
});
/** An agent registered by hand; its client id is the document's name. The user still signs in and consents. */
const AgentSpec = z.strictObject({
  displayName: z.string().min(1).max(80),
  /** The exact redirect URIs. The port of a loopback one may vary (RFC 8252 section 7.3). */
  redirectUris: z.array(z.string().min(1).max(2048)).max(32).default([]),
  /** A machine agent (RFC 6749 section 4.4) with these roles. It has no redirect URIs and must authenticate. */
  machine: z.strictObject({ roles: z.array(Name).max(64).default([]) }).optional(),
  /** This client is not an agent but a server, which may ask about tokens made for it (RFC 7662). It gets no tokens. */
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
      /** A token that its platform issued, instead of a secret (RFC 7523 section 2.2). For machine agents. */
      workloadAuthentication(Name),
    ])
    .prefault({ method: 'none' }),
});
const PerMinute = z.int().min(1).max(10_000_000);
/**
 * Requests per minute. `address` counts those of one IPv4 address or IPv6 /64 and `total` all together, where a request
 * proves neither an agent nor a grant. `client` counts those of one agent that authenticates.
 */
const EndpointLimits = z.strictObject({
  total: PerMinute.optional(),
  client: PerMinute.optional(),
  address: PerMinute.optional(),
});
const AuthorizationServerSpec = z.strictObject({
  lifetimes: z
    .strictObject({
      /** The lifetime of an access token for the gateway; at most 1h (R47). */
      accessToken: Duration.default('15m'),
      /** The lifetime of a machine agent's access token; at most 1h. */
      machineToken: Duration.default('10m'),
      /** An agent session ends when its agent did not use it for this time (R86). */
      sessionIdle: Duration.default('14d'),
      /** An agent session ends after this time, however much it is used. The user then signs in again. */
      session: Duration.default('90d'),
      /**
       * How long an agent may repeat a refresh if it did not use the tokens of the answer; 1m to 1h, 15m by default.
       */
      refreshRepeat: Duration.optional(),
    })
    .prefault({}),
  signingKeys: z
    .strictObject({
      /** The algorithm of access, ID and downstream tokens. A change makes new keys. */
      algorithm: z.enum(['ES256', 'RS256', 'EdDSA']).default('ES256'),
      /** How long a key signs. */
      rotateEvery: Duration.default('90d'),
      /** How long a key is published before it signs, so that whoever verifies has fetched it. */
      publishAhead: Duration.default('10m'),
    })
    .prefault({}),
  /** Requests per minute at one replica. Requests of others never use up what an authenticated agent or a grant has. */
  limits: z
    .strictObject({
      /** `/authorize` and `/par`; by default 6000 in total, 600 from one address, 3000 from one agent. */
      authorize: EndpointLimits.optional(),
      /** `/token`; by default 12000 in total, 600 from one address, 6000 from one agent. */
      token: EndpointLimits.optional(),
      /** `/register` where it is open; by default 1200 in total, 120 from one address. */
      register: EndpointLimits.pick({ total: true, address: true }).strict().optional(),
      /** `/revoke` and `/introspect`; by default 12000 in total, 600 from one address, 6000 from one agent. */
      status: EndpointLimits.optional(),
      /** Authorizations and tokens of one user, through any agents; 600 by default. */
      user: PerMinute.optional(),
      /** Tokens of one agent session; 120 by default. */
      session: PerMinute.optional(),
      /**
       * Client metadata documents and key sets that we fetch from hosts that agents name; by default 600 in total, 60
       * from one host, 30 for one address. Agents with a session have another 600, which nobody else can use up.
       */
      documents: z
        .strictObject({ total: PerMinute.optional(), host: PerMinute.optional(), address: PerMinute.optional() })
        .optional(),
    })
    .optional(),
  /**
   * Whether a user who has just consented to an agent sees the page of all servers, to connect accounts, before the
   * agent goes on. Without it, a user connects an account when an agent first needs it.
   */
  offerAccounts: z.boolean().optional(),
});
/** Fits the limits of agents: with `mcp__sallyport__` before it 64 characters, with Cursor's prefix less than 60. */
export const DEFAULT_TOOL_NAME_LENGTH = 48;
const GatewaySpec = z.strictObject({
  /** Whether names of tools begin with their server. `never` needs a single server (security rule S12). */
  toolPrefix: z.enum(['server', 'never']).default('server'),
  /** The longest name of a tool or prompt in characters, without the prefix an agent adds. */
  toolNameLength: z.int().min(32).max(128).default(DEFAULT_TOOL_NAME_LENGTH),
});
/** The events a webhook may receive: those that somebody outside must act on. */
export const WEBHOOK_EVENTS = [
  'connection.needs_reconnect',
  'credential-provider.paused',
  'credential-provider.resumed',
] as const;
/** We post events to `url`, signed as Standard Webhooks specifies, and repeat a failed delivery for a day. */
const WebhookSpec = z.strictObject({
  url: HttpUrl,
  events: z.array(z.enum(WEBHOOK_EVENTS)).min(1).max(WEBHOOK_EVENTS.length),
  /** `whsec_` and 24 to 64 bytes in base64. */
  signingSecret: SecretSource,
});
const OutboundNetworkSpec = z.strictObject({
  /** Hosts on private, loopback or otherwise reserved addresses that we may call, or that we may call without TLS. */
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
  document('Administrators', Name, AdministratorsSpec),
  document('McpServer', ServerId, McpServerSpec),
  /** Its name is that of the server. */
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
