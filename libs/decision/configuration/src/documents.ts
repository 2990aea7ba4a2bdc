import { z } from 'zod';
import { AccessPolicySpec } from './access-policy.js';
import { AdministratorsSpec } from './administrators.js';
import { AgentSpec, ClientRegistrationSpec } from './agent.js';
import { AuthorizationServerSpec } from './authorization-server.js';
import { CredentialProviderSpec } from './credential-provider.js';
import { HttpUrl, Name, Scope, SecretSource, ServerId } from './fields.js';
import { LogStreamSpec } from './log-stream.js';
import { ApprovedToolsSpec, McpServerSpec } from './mcp-server.js';
import { Members } from './members.js';
import { TrustProviderSpec } from './trust-provider.js';
import { WorkloadIssuerSpec } from './workload-issuer.js';

const RoleSpec = z.strictObject({
  scopes: z.array(Scope).min(1).max(256).describe('The scopes that its members may let agents have.'),
  members: z.array(Members).max(256).default([]).describe('Who has the role, by what identity providers assert.'),
});
/** Fits the limits of agents: with `mcp__sallyport__` before it 64 characters, with Cursor's prefix less than 60. */
export const DEFAULT_TOOL_NAME_LENGTH = 48;
const GatewaySpec = z.strictObject({
  // security rule S12
  toolPrefix: z
    .enum(['server', 'never'])
    .default('server')
    .describe('Whether names of tools begin with their server. `never` needs a single server.'),
  toolNameLength: z
    .int()
    .min(32)
    .max(128)
    .default(DEFAULT_TOOL_NAME_LENGTH)
    .describe('The longest name of a tool or prompt in characters, without the prefix an agent adds.'),
});
/** The events a webhook may receive: those that somebody outside must act on. */
export const WEBHOOK_EVENTS = [
  'connection.needs_reconnect',
  'credential-provider.paused',
  'credential-provider.resumed',
] as const;
const WebhookSpec = z.strictObject({
  url: HttpUrl.describe('Where we post events.'),
  events: z.array(z.enum(WEBHOOK_EVENTS)).min(1).max(WEBHOOK_EVENTS.length).describe('The types of event it receives.'),
  signingSecret: SecretSource.describe('What deliveries are signed with: `whsec_` and 24 to 64 bytes in base64.'),
});
const OutboundNetworkSpec = z.strictObject({
  allow: z
    .array(
      z.strictObject({
        host: z.string().min(1).describe('The host: a name or an address.'),
        ports: z.array(z.int().min(1).max(65535)).optional().describe('Its ports; all by default.'),
        http: z.boolean().default(false).describe('Whether we may call it without TLS.'),
      }),
    )
    .max(256)
    .describe('Hosts on private, loopback or otherwise reserved addresses that we may call.'),
});

const ofKind = <K extends string, S extends z.ZodType, N extends z.ZodType<string>>(
  kind: K,
  what: string,
  name: N,
  spec: S,
) =>
  z
    .strictObject({
      kind: z.literal(kind).describe('The kind of document.'),
      name,
      spec: spec.describe('What the document says.'),
    })
    .describe(what);
const document = <K extends string, S extends z.ZodType>(kind: K, what: string, spec: S) =>
  ofKind(kind, what, Name.describe('Its name, by which other documents and administrators refer to it.'), spec);
/** A kind of which there is one document. */
const setting = <K extends string, S extends z.ZodType>(kind: K, what: string, spec: S) =>
  ofKind(kind, what, z.literal('default').describe('There is one such document.'), spec);

export const Document = z.discriminatedUnion('kind', [
  document('TrustProvider', 'An identity provider where users sign in (OpenID Connect).', TrustProviderSpec),
  document('Role', 'Scopes, and the users who may let agents have them.', RoleSpec),
  document('Administrators', 'Who administers, and as what. Only an owner writes such a document.', AdministratorsSpec),
  ofKind(
    'McpServer',
    'A server behind the gateway.',
    ServerId.describe('The server’s name: tool names begin with it, so it has neither `_` nor upper case.'),
    McpServerSpec,
  ),
  ofKind(
    'ApprovedTools',
    'The tool definitions of a server that an administrator approved; others cannot be called.',
    ServerId.describe('The name of the server.'),
    ApprovedToolsSpec,
  ),
  document('CredentialProvider', 'Where a server’s credentials come from.', CredentialProviderSpec),
  document('AccessPolicy', 'Who may use what. What no policy allows is refused.', AccessPolicySpec),
  document(
    'Agent',
    'An agent registered by hand; its client id is the document’s name. The user still signs in and consents.',
    AgentSpec,
  ),
  document(
    'WorkloadIssuer',
    'An issuer of tokens for workloads, which machine agents authenticate with.',
    WorkloadIssuerSpec,
  ),
  setting('ClientRegistration', 'How agents become known that no `Agent` document names.', ClientRegistrationSpec),
  setting('AuthorizationServer', 'Lifetimes, keys and limits of the authorization server.', AuthorizationServerSpec),
  setting('Gateway', 'What agents see of the gateway.', GatewaySpec),
  setting('OutboundNetwork', 'Where we may connect to besides public addresses over TLS.', OutboundNetworkSpec),
  document(
    'Webhook',
    'A log stream in short: an address we post events to, signed as Standard Webhooks specifies.',
    WebhookSpec,
  ),
  document(
    'LogStream',
    'A receiver that events of the trail are sent to, each at least once, in order.',
    LogStreamSpec,
  ),
]);
export type Document = z.infer<typeof Document>;
export type DocumentKind = Document['kind'];
export type DocumentOf<K extends DocumentKind> = Extract<Document, { kind: K }>;
