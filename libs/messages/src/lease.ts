import { z } from 'zod';

/**
 * On the bus: `{ request: <compact JWS> }`, signed by the replica's enrolled key (`kid` = replica name).
 * Its payload is this; the agent's token inside is sealed to the control plane's lease key (security rule S21).
 */
export const LeaseRequest = z.object({
  v: z.literal(1),
  replica: z.string().max(64),
  nonce: z.string().min(22).max(64),
  /** Milliseconds since the epoch; refused when off by more than 60 s or when the nonce was seen. */
  issuedAt: z.int(),
  /** P-256 public JWK the answer is sealed to; made for this request alone. */
  ephemeralKey: z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string() }),
  /** Compact JWE (ECDH-ES, A256GCM) around the agent's access token, bound to this request. */
  sealedToken: z.string().max(32_768),
  server: z.string().max(24),
  /** Origin the gateway is about to call; a lease for another one is refused on both sides (S20). */
  targetOrigin: z.string().max(2048),
  policyRevision: z.int(),
  /** The gateway-to-server policy the gateway decided by: which of the server's credentials is meant. */
  policy: z.string().max(64).optional(),
  /** A leased credential the server answered 401 to: the responder refreshes it first. */
  rejectedConnectionRevision: z.int().optional(),
  /**
   * The server answered 403 to a leased credential of this revision, and named the scopes it lacks (RFC 6750 section
   * 3.1).
   */
  stepUp: z
    .object({ connectionRevision: z.int(), scopes: z.array(z.string().min(1).max(256)).min(1).max(64) })
    .optional(),
});
export type LeaseRequest = z.infer<typeof LeaseRequest>;

/** RFC 9421 section 3.3; what of it a key of ours can be. */
export const HTTP_SIGNATURE_ALGORITHMS = [
  'ed25519',
  'ecdsa-p256-sha256',
  'ecdsa-p384-sha384',
  'rsa-pss-sha512',
  'hmac-sha256',
] as const;
const HeaderText = z.string().regex(/^[\x21-\x7E]+$/);

/**
 * With what the gateway signs each request, in memory only. Travels sealed to the one replica that asked, and nowhere
 * else.
 */
const RequestSigning = z.discriminatedUnion('method', [
  z.object({
    method: z.literal('aws-sigv4'),
    accessKeyId: z.string().regex(/^\w{16,128}$/),
    secretAccessKey: HeaderText.max(512),
    sessionToken: HeaderText.max(16_384),
    region: z.string().regex(/^[a-z0-9-]{1,64}$/),
    service: z.string().regex(/^[a-z0-9-]{1,64}$/),
  }),
  z.object({
    method: z.literal('http-message'),
    /** A private or symmetric JWK. */ key: z.record(z.string(), z.unknown()),
    keyId: z.string().max(256),
    algorithm: z.enum(HTTP_SIGNATURE_ALGORITHMS),
    components: z.array(z.string().max(128)).max(64).optional(),
    lifetimeSeconds: z.int().min(1).max(300),
    tag: z.string().max(128).optional(),
  }),
]);
export type RequestSigning = z.infer<typeof RequestSigning>;
/** PEM; the certificate first, then those that vouch for it. */
const ClientCertificate = z.object({ certificate: z.string().max(65_536), privateKey: z.string().max(32_768) });

/** Why a caller gets no credential. The trail has the reason; what the agent hears of it is the gateway's to decide. */
export const LEASE_REFUSALS = [
  // Policy, decided again: `DenialReason` of `decision/policy`.
  'no_client_to_gateway_policy',
  'no_gateway_to_server_policy',
  'tool_not_granted',
  'tool_not_approved',
  'resource_not_granted',
  'prompt_not_granted',
  'scope_not_entitled',
  'role_missing',
  'resource_uri_not_normal',
  'mfa_required',
  'authentication_too_old',
  'source_not_allowed',
  'outside_hours',
  'expression_false',
  'expression_failed',
  'expression_over_budget',
  'expression_number_inexact',
  'step_up',
  // The configuration: the gateway is about to call another origin, or the document leads nowhere.
  'target_origin',
  'credential_provider_unknown',
  // The credential's document, secret or key.
  'secret_missing',
  'secret_origin',
  'secret_malformed',
  'token_origin',
  'client_key_invalid',
  'client_certificate_origin',
  'client_certificate_missing',
  'client_certificate_invalid',
  'client_certificate_key_mismatch',
  'client_certificate_not_yet_valid',
  'client_certificate_expired',
  'signing_key_origin',
  'signing_key_missing',
  'signing_key_invalid',
  // Whoever gives the credential out.
  'assertion_refused',
  'cloud_role_refused',
  'cloud_identity_refused',
  'cloud_request_refused',
  'shared_account_not_connected',
  'shared_account_to_reconnect',
  // The exchange of a sign-in.
  'sign_in_required',
  'exchange_session',
  'exchange_trust_provider',
  'exchange_tokens_not_kept',
  'exchange_consent_required',
  'exchange_user_refused',
  'exchange_assertion_invalid',
  // The server wants scopes that may not be asked for, or were asked for in vain (security rule S24).
  'scope_beyond_limit',
  'step_up_failed',
] as const;
export type LeaseRefusal = (typeof LEASE_REFUSALS)[number];

const LeaseOutcome = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('granted'),
    headers: z.record(z.string(), z.string()),
    /** In this order. */ signings: z.array(RequestSigning).max(2).optional(),
    clientCertificate: ClientCertificate.optional(),
    connectionId: z.string().nullable(),
    connectionRevision: z.int(),
    /** Relative, at most 900. */ expiresInSeconds: z.int().min(1).max(900),
  }),
  z.object({
    type: z.literal('connect_required'),
    url: z.string(),
    /** Why, in words for the user. */ message: z.string(),
  }),
  z.object({
    type: z.literal('provider_unavailable'),
    retryAfterSeconds: z.int(),
    /** For the user, where waiting does not help. */ message: z.string().optional(),
    /** Why, in a sentence for the user, where it does. */ why: z.string().max(1_024).optional(),
  }),
  z.object({
    type: z.literal('refused'),
    reason: z.enum(LEASE_REFUSALS),
    /** For the user, where somebody can do something about it. */ message: z.string().optional(),
  }),
]);
export type LeaseOutcome = z.infer<typeof LeaseOutcome>;

/** Which request an answer is to. */
const ToRequest = {
  v: z.literal(1),
  nonce: z.string(),
  /** RFC 7638 thumbprint of the request's ephemeral key. */
  ephemeralKeyThumbprint: z.string(),
  replica: z.string(),
  server: z.string(),
  targetOrigin: z.string(),
};

/** On the bus: `{ answer: <compact JWE> }` around a compact JWS of the control plane whose payload is this. */
export const LeaseAnswer = z.object({
  ...ToRequest,
  userId: z.string(),
  clientId: z.string(),
  sid: z.string(),
  policyRevision: z.int(),
  outcome: LeaseOutcome,
});
export type LeaseAnswer = z.infer<typeof LeaseAnswer>;

/**
 * The payload in its place when the control plane does not accept the agent's token: it expired or was revoked since
 * the gateway verified it. No user is named, because the control plane knows of none.
 */
export const LeaseTokenRefused = z.object({
  ...ToRequest,
  outcome: z.object({ type: z.literal('token_refused') }),
});
export type LeaseTokenRefused = z.infer<typeof LeaseTokenRefused>;

export const CredentialChanged = z.object({
  v: z.literal(1),
  connectionId: z.string(),
  userId: z.string().nullable(),
  server: z.string(),
  connectionRevision: z.int(),
});
export type CredentialChanged = z.infer<typeof CredentialChanged>;
