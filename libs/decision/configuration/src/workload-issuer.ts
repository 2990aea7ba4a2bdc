import { z } from 'zod';
import { Duration, HttpUrl } from './fields.js';
import { PublicKey } from './public-key.js';
import { ID_TOKEN_ALGORITHMS } from './trust-provider.js';

/** The fields of every type of issuer, with the defaults of the type. */
const common = ({ maxLifetime, singleUse }: { maxLifetime: string; singleUse: boolean }) => ({
  /** The URL of its public keys; by default from its discovery document (OpenID Connect Discovery section 4). */
  jwksUri: HttpUrl.optional(),
  /** The public keys themselves, for an issuer that we cannot reach. */
  keys: z.array(PublicKey).min(1).max(16).optional(),
  algorithms: z.array(z.enum(ID_TOKEN_ALGORITHMS)).min(1).default(['RS256', 'ES256']),
  /** The one `aud` its tokens must have; by default our authorization server's issuer or token endpoint. */
  audience: z.string().min(1).max(2048).optional(),
  /** We refuse tokens that live longer. */
  maxLifetime: Duration.default(maxLifetime),
  /** Whether we accept each token once, by its `jti`. False where the platform hands out one token until it expires. */
  singleUse: z.boolean().default(singleUse),
});

/**
 * An issuer of tokens for workloads: a Kubernetes cluster, a SPIFFE trust domain, a CI. An `Agent` document says which
 * of its workloads are that agent.
 */
export const WorkloadIssuerSpec = z.discriminatedUnion('type', [
  /** Projected service account tokens. The kubelet renews a pod's token; until then the pod shows the same one. */
  z.strictObject({
    type: z.literal('kubernetes'),
    issuer: HttpUrl,
    ...common({ maxLifetime: '24h', singleUse: false }),
  }),
  /** JWT-SVIDs. They need not name an issuer, and the workload API caches them. `jwksUri` is the bundle endpoint. */
  z.strictObject({
    type: z.literal('spiffe'),
    trustDomain: z
      .string()
      .max(255)
      .regex(/^[a-z0-9._-]+$/, 'must be a SPIFFE trust domain, without spiffe://'),
    ...common({ maxLifetime: '1h', singleUse: false }),
  }),
  /** A job may ask for any number of tokens, each with its own `jti`. */
  z.strictObject({
    type: z.literal('github-actions'),
    issuer: HttpUrl.default('https://token.actions.githubusercontent.com'),
    ...common({ maxLifetime: '1h', singleUse: true }),
  }),
  /** A job has one token, which lives as long as the job may. */
  z.strictObject({
    type: z.literal('gitlab'),
    issuer: HttpUrl.default('https://gitlab.com'),
    ...common({ maxLifetime: '24h', singleUse: false }),
  }),
  z.strictObject({ type: z.literal('oidc'), issuer: HttpUrl, ...common({ maxLifetime: '1h', singleUse: true }) }),
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
  z.strictObject({
    method: z.literal('workload'),
    /** The name of a `WorkloadIssuer`. */
    issuer: name,
    /**
     * The exact `sub`, such as `system:serviceaccount:agents:nightly`, `spiffe://acme.example/nightly` or
     * `repo:acme/app:ref:refs/heads/main`.
     */
    subject: z.string().min(1).max(1024).optional(),
    claims: ClaimConditions.refine((claims) => Object.keys(claims).length > 0, 'must name a claim').optional(),
    /** A CEL expression over `claims` that must also be true. */
    when: z.string().min(1).max(4096).optional(),
  });
export type WorkloadConditions = z.infer<ReturnType<typeof workloadAuthentication>>;
