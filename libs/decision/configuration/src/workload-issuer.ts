import { z } from 'zod';
import { Duration, HttpUrl } from './fields.js';
import { PublicKey } from './public-key.js';
import { ID_TOKEN_ALGORITHMS } from './trust-provider.js';

/** @param habits what this kind of issuer does unless the document says otherwise */
const common = ({ maxLifetime, singleUse }: { maxLifetime: string; singleUse: boolean }) => ({
  /** Where its public keys are; otherwise as its discovery document says (OpenID Connect Discovery section 4). */
  jwksUri: HttpUrl.optional(),
  /** The public keys themselves, for an issuer we cannot reach. */
  keys: z.array(PublicKey).min(1).max(16).optional(),
  algorithms: z.array(z.enum(ID_TOKEN_ALGORITHMS)).min(1).default(['RS256', 'ES256']),
  /** The one `aud` of its tokens; the authorization server's issuer or token endpoint when it can be asked for. */
  audience: z.string().min(1).max(2048).optional(),
  /** Tokens that live longer are refused. */
  maxLifetime: Duration.default(maxLifetime),
  /** A token is good once, by its `jti`. Where the platform hands the same token out until it expires, it cannot be. */
  singleUse: z.boolean().default(singleUse),
});

/** Who issues tokens to workloads: a cluster, a SPIFFE trust domain, a CI. An `Agent` says which of them are it. */
export const WorkloadIssuerSpec = z.discriminatedUnion('type', [
  /** Projected service account tokens: the kubelet writes one and renews it; a pod shows the same one again and again. */
  z.strictObject({
    type: z.literal('kubernetes'),
    issuer: HttpUrl,
    ...common({ maxLifetime: '24h', singleUse: false }),
  }),
  /** JWT-SVIDs, which need not name an issuer and are kept by the workload API. `jwksUri` is the bundle endpoint. */
  z.strictObject({
    type: z.literal('spiffe'),
    trustDomain: z
      .string()
      .max(255)
      .regex(/^[a-z0-9._-]+$/, 'must be a SPIFFE trust domain, without spiffe://'),
    ...common({ maxLifetime: '1h', singleUse: false }),
  }),
  /** A job asks for as many tokens as it needs, each with a `jti` of its own. */
  z.strictObject({
    type: z.literal('github-actions'),
    issuer: HttpUrl.default('https://token.actions.githubusercontent.com'),
    ...common({ maxLifetime: '1h', singleUse: true }),
  }),
  /** A job is given one token, which lives as long as the job may. */
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
/** What claims must say, to the letter; objects are looked into (`kubernetes.io: { namespace: agents }`). */
const ClaimConditions = z.record(
  ClaimName,
  z.union([Scalar, z.record(ClaimName, z.union([Scalar, z.record(ClaimName, Scalar)]))]),
);

/** @param name of documents */
export const workloadAuthentication = (name: z.ZodString) =>
  z.strictObject({
    method: z.literal('workload'),
    /** A `WorkloadIssuer`. */
    issuer: name,
    /** `sub`, exactly: `system:serviceaccount:agents:nightly`, `spiffe://acme.example/nightly`, `repo:acme/app:ref:refs/heads/main`. */
    subject: z.string().min(1).max(1024).optional(),
    claims: ClaimConditions.refine((claims) => Object.keys(claims).length > 0, 'must name a claim').optional(),
    /** CEL over `claims`, that must be true besides. */
    when: z.string().min(1).max(4096).optional(),
  });
export type WorkloadConditions = z.infer<ReturnType<typeof workloadAuthentication>>;
