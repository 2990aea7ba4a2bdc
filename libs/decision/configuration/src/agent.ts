import { z } from 'zod';
import { Duration, Name, SecretSource, ServerId } from './fields.js';
import { PublicKey } from './public-key.js';
import { workloadAuthentication } from './workload-issuer.js';

/**
 * An initial access token (RFC 7591 section 3), of which the document has the digest only. `openssl rand -hex 32` makes
 * a token, `printf %s <token> | sha256sum` its digest.
 */
const InitialAccessToken = z.strictObject({
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 digest of the token in 64 lower-case hexadecimal digits')
    .describe('The digest of the token: `printf %s <token> | sha256sum`.'),
  expiresAt: z.iso.datetime({ offset: true }).describe('When it ends.'),
  uses: z.int().min(1).max(1_000_000).describe('How many agents may register with it.'),
});
const MetadataDocuments = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether agents may come with a metadata document.'),
  allowedHosts: z
    .array(z.string())
    .default(['*'])
    .describe('The https hosts whose documents may describe an agent. `*` means any host.'),
  deniedHosts: z.array(z.string()).default([]).describe('Hosts that may not, whatever `allowedHosts` says.'),
});
const DynamicRegistration = z.strictObject({
  mode: z
    .enum(['off', 'gated', 'open'])
    .default('gated')
    .describe('Who may register: nobody, whoever has an initial access token, or anybody.'),
  redirectHosts: z
    .array(z.string())
    .default(['127.0.0.1', '[::1]', 'localhost'])
    .describe(
      'The redirect URIs that agents may register. A host allows all its paths, without a query. A private-use ' +
        'scheme needs a whole URI (RFC 8252 section 8.4), whose last path segment may be `*`.',
    ),
  popularAgents: z
    .boolean()
    .optional()
    .describe('Whether the callbacks in `libs/inbound/authorization/src/popular-agents.ts` are allowed, too.'),
  initialAccessTokens: z
    .array(InitialAccessToken)
    .max(256)
    .optional()
    .describe('The tokens that agents may register with in `gated` mode. Without any, no agent can.'),
  unusedFor: Duration.optional().describe(
    'We remove a registration that got no token for this time; 7d by default, at least 1h.',
  ),
  idleFor: Duration.optional().describe(
    'We remove a registration that no session used for this time; 90d by default, at least 1h.',
  ),
  most: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe(
      'The most registrations; 10000 by default. A new one replaces one that was never used, else the longest unused.',
    ),
  perUser: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe(
      'The most registrations one user has sessions with; 50 by default. A new one replaces the longest unused.',
    ),
});
/** How agents become known that no `Agent` document names. */
export const ClientRegistrationSpec = z.strictObject({
  metadataDocuments: MetadataDocuments.prefault({}).describe(
    'Client ID metadata documents: an agent’s client id is the URL of what describes it.',
  ),
  dynamic: DynamicRegistration.prefault({}).describe('Dynamic registration (RFC 7591).'),
});

const method = <M extends string>(name: M) => z.literal(name).describe('How it authenticates.');
const Authentication = z.discriminatedUnion('method', [
  z.strictObject({ method: method('none') }).describe('A public client.'),
  z
    .strictObject({
      method: method('client_secret'),
      clientSecret: SecretSource.describe('The agent’s secret.'),
    })
    .describe('A secret (RFC 6749 section 2.3.1).'),
  z
    .strictObject({
      method: method('private_key_jwt'),
      keys: z.array(PublicKey).min(1).max(8).optional().describe('The agent’s public keys; or `jwksUri`.'),
      jwksUri: z
        .url({ protocol: /^https$/ })
        .optional()
        .describe('The URL of the agent’s public keys; or `keys`.'),
    })
    .refine((key) => (key.keys === undefined) !== (key.jwksUri === undefined), 'needs either keys or jwksUri')
    .describe('An assertion that the agent signs (RFC 7523).'),
  workloadAuthentication(Name),
]);

/** An agent registered by hand; its client id is the document's name. The user still signs in and consents. */
export const AgentSpec = z.strictObject({
  displayName: z.string().min(1).max(80).describe('What users read where they consent.'),
  redirectUris: z
    .array(z.string().min(1).max(2048))
    .max(32)
    .default([])
    .describe('The exact redirect URIs. The port of a loopback one may vary (RFC 8252 section 7.3).'),
  machine: z
    .strictObject({ roles: z.array(Name).max(64).default([]).describe('`Role` documents whose scopes it has.') })
    .optional()
    .describe('A machine agent (RFC 6749 section 4.4), for no user. It has no redirect URIs and must authenticate.'),
  introspects: ServerId.optional().describe(
    'This client is not an agent but a server, which may ask about tokens made for it (RFC 7662). It gets no tokens.',
  ),
  authentication: Authentication.prefault({ method: 'none' }).describe('How the agent shows that it is itself.'),
});
