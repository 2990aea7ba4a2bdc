import { z } from 'zod';

/**
 * A compact JWS by the control plane's configuration key, whose payload is `SignInExchangeRequest`. It carries nothing
 * of the user's.
 */
export const SignInExchangeWire = z.object({ request: z.string().max(16_384) });
export type SignInExchangeWire = z.infer<typeof SignInExchangeWire>;

/**
 * What an agent's user has signed in with is to be exchanged, as one `CredentialProvider` document says, for one
 * server.
 */
export const SignInExchangeRequest = z.object({
  v: z.literal(1),
  nonce: z.string().min(22).max(64),
  /** Milliseconds since the epoch; refused when off by more than 60 s or when the nonce was seen. */
  issuedAt: z.int(),
  /** P-256 public JWK the answer is sealed to; made for this request alone. */
  ephemeralKey: z.object({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: z.string().max(64),
    y: z.string().max(64),
  }),
  /** The agent session the lease is for. Its sign-in is what is exchanged, and must be this user's. */
  sid: z.string().max(128),
  userId: z.string().max(128),
  clientId: z.string().max(2_048),
  server: z.string().max(24),
  credentialProvider: z.string().max(64),
  /** What the control plane takes server and provider to be; another reading is not acted on. */
  pins: z.object({
    serverUrl: z.string().max(2_048),
    serverResource: z.string().max(2_048).nullable(),
    providerDigest: z.string().max(64),
  }),
  /** Of `id-jag`, as discovered at the server. */
  resource: z.string().max(2_048).optional(),
  /**
   * Where the document wants one: a token of ours that names the agent to the identity provider, good for a minute and
   * for nothing without the user's.
   */
  actorToken: z.string().max(8_192).optional(),
});
export type SignInExchangeRequest = z.infer<typeof SignInExchangeRequest>;

const Outcome = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('exchanged'),
    token: z.string().min(1).max(65_536),
    /** Milliseconds since the epoch; `null`: it was not said. */ expiresAt: z.number().nullable(),
  }),
  /** The session was ended: its agent has to send the user through a new sign-in. */
  z.object({ type: z.literal('sign_in_required') }),
  /** `error`: the code of whoever refused, for the trail. */
  z.object({
    type: z.literal('refused'),
    reason: z.enum([
      'session',
      'trust_provider',
      'tokens_not_kept',
      'consent_required',
      'user_refused',
      'assertion_invalid',
    ]),
    error: z.string().max(128).optional(),
  }),
  /** `fault`: our client is not let in, whoever the user is. */
  z.object({
    type: z.literal('unavailable'),
    retryAfterMs: z.number(),
    fault: z.boolean(),
    error: z.string().max(128),
  }),
]);
export type SignInExchangeOutcome = z.infer<typeof Outcome>;

/**
 * Sealed by the authorization server for the control plane, bound to the request, and inside a JWE to the request's
 * key.
 */
export const SignInExchangeAnswer = z.object({
  v: z.literal(1),
  nonce: z.string(),
  sid: z.string(),
  userId: z.string(),
  outcome: Outcome,
});
export type SignInExchangeAnswer = z.infer<typeof SignInExchangeAnswer>;

/** Without `answer`: the request was not one of the control plane's, or not for now. */
export const SignInExchangeReply = z.object({ answer: z.string().max(262_144).optional() });
export type SignInExchangeReply = z.infer<typeof SignInExchangeReply>;
