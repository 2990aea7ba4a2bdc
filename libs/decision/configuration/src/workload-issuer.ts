import { z } from 'zod';
import { Duration, HttpUrl } from './fields.js';
import { PublicKey } from './public-key.js';
import { ID_TOKEN_ALGORITHMS } from './trust-provider.js';

/** The fields of every type of issuer, with the defaults of the type. */
const common = ({ maxLifetime, singleUse }: { maxLifetime: string; singleUse: boolean }) => ({
  jwksUri: HttpUrl.optional().describe(
    'The URL of its public keys; by default from its discovery document (OpenID Connect Discovery section 4).',
  ),
  keys: z
    .array(PublicKey)
    .min(1)
    .max(16)
    .optional()
    .describe('The public keys themselves, for an issuer that we cannot reach.'),
  algorithms: z
    .array(z.enum(ID_TOKEN_ALGORITHMS))
    .min(1)
    .default(['RS256', 'ES256'])
    .describe('The algorithms its tokens may be signed with.'),
  audience: z
    .string()
    .min(1)
    .max(2048)
    .optional()
    .describe('The one `aud` its tokens must have; by default our authorization server’s issuer or token endpoint.'),
  maxLifetime: Duration.default(maxLifetime).describe('We refuse tokens that live longer.'),
  singleUse: z
    .boolean()
    .default(singleUse)
    .describe(
      'Whether we accept each token once, by its `jti`. False where the platform hands out one token until it expires.',
    ),
});
const type = <T extends string>(name: T) => z.literal(name).describe('The type of issuer.');
const issuer = HttpUrl.describe('The `iss` of its tokens.');

/**
 * An issuer of tokens for workloads: a Kubernetes cluster, a SPIFFE trust domain, a CI. An `Agent` document says which
 * of its workloads are that agent.
 */
export const WorkloadIssuerSpec = z.discriminatedUnion('type', [
  z
    .strictObject({ type: type('kubernetes'), issuer, ...common({ maxLifetime: '24h', singleUse: false }) })
    .describe(
      'Projected service account tokens. The kubelet renews a pod’s token; until then the pod shows the same one.',
    ),
  z
    .strictObject({
      type: type('spiffe'),
      trustDomain: z
        .string()
        .max(255)
        .regex(/^[a-z0-9._-]+$/, 'must be a SPIFFE trust domain, without spiffe://')
        .describe('The trust domain, without `spiffe://`.'),
      ...common({ maxLifetime: '1h', singleUse: false }),
    })
    .describe(
      'JWT-SVIDs. They need not name an issuer, and the workload API caches them. `jwksUri` is the bundle endpoint.',
    ),
  z
    .strictObject({
      type: type('github-actions'),
      issuer: HttpUrl.default('https://token.actions.githubusercontent.com').describe('The `iss` of its tokens.'),
      ...common({ maxLifetime: '1h', singleUse: true }),
    })
    .describe('GitHub Actions. A job may ask for any number of tokens, each with its own `jti`.'),
  z
    .strictObject({
      type: type('gitlab'),
      issuer: HttpUrl.default('https://gitlab.com').describe('The `iss` of its tokens.'),
      ...common({ maxLifetime: '24h', singleUse: false }),
    })
    .describe('GitLab CI. A job has one token, which lives as long as the job may.'),
  z
    .strictObject({ type: type('oidc'), issuer, ...common({ maxLifetime: '1h', singleUse: true }) })
    .describe('Any other issuer of JWTs with a discovery document or known keys.'),
]);
export type WorkloadIssuerSpec = z.infer<typeof WorkloadIssuerSpec>;

const Scalar = z.union([z.string().max(1024), z.number(), z.boolean()]);
const ClaimName = z.string().min(1).max(128);
/** The exact values that claims must have, also inside an object: `kubernetes.io: { namespace: agents }`. */
const ClaimConditions = z.record(
  ClaimName,
  z.union([Scalar, z.record(ClaimName, z.union([Scalar, z.record(ClaimName, Scalar)]))]),
);

/** The part of an `Agent` that says which workload it is. @param name the schema of a document's name */
export const workloadAuthentication = (name: z.ZodString) =>
  z
    .strictObject({
      method: z.literal('workload').describe('How it authenticates.'),
      issuer: name.describe('The name of a `WorkloadIssuer`.'),
      subject: z
        .string()
        .min(1)
        .max(1024)
        .optional()
        .describe(
          'The exact `sub`, such as `system:serviceaccount:agents:nightly`, `spiffe://acme.example/nightly` or ' +
            '`repo:acme/app:ref:refs/heads/main`.',
        ),
      claims: ClaimConditions.refine((claims) => Object.keys(claims).length > 0, 'must name a claim')
        .optional()
        .describe('Claims of the token and the values they must have.'),
      when: z.string().min(1).max(4096).optional().describe('A CEL expression over `claims` that must also be true.'),
    })
    .describe('A token that its platform issued, instead of a secret (RFC 7523 section 2.2). For machine agents.');
export type WorkloadConditions = z.infer<ReturnType<typeof workloadAuthentication>>;
