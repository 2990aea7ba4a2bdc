import { z } from 'zod';
import { SecretSource } from './fields.js';

/** Our client, registered by hand, and how it authenticates at a token endpoint. */
export const Client = z.discriminatedUnion('authentication', [
  z.strictObject({
    authentication: z.enum(['client_secret_basic', 'client_secret_post']),
    clientId: z.string().min(1).max(512),
    clientSecret: SecretSource,
  }),
  /** RFC 7523. The key is a private JWK. `assertionAudience` is by default the token endpoint. */
  z.strictObject({
    authentication: z.literal('private_key_jwt'),
    clientId: z.string().min(1).max(512),
    clientKey: SecretSource,
    assertionAudience: z.string().min(1).max(2_048).optional(),
  }),
]);
const PROTOCOL_PARAMETER = new RegExp(
  `^(${[
    'grant_type|client_id|client_secret|client_assertion|client_assertion_type|scope|resource',
    'code|code_verifier|code_challenge|code_challenge_method|redirect_uri|state|nonce|response_type|response_mode',
    'request|request_uri|refresh_token|subject_token.*|actor_token.*|requested_token.*|assertion',
  ].join('|')})$`,
);
/** Further parameters that a provider wants. None may be one of the protocol's, or have a field in the document. */
export const Parameters = z
  .record(
    z
      .string()
      .min(1)
      .max(64)
      .refine((name) => !PROTOCOL_PARAMETER.test(name), 'is a parameter that the protocol or another field sets'),
    z.string().max(1_024),
  )
  .refine((parameters) => Object.keys(parameters).length <= 16, 'has more than 16 parameters');

/** How fast the workers refresh tokens before they expire. A refresh that a user waits for counts in neither. */
export const RefreshPace = z.strictObject({
  /** Refreshes that all workers together begin in a minute; 6000 by default. */
  perMinute: z.int().min(1).max(1_000_000).optional(),
  /** Refreshes that one worker does at a time; 5 by default. */
  concurrency: z.int().min(1).max(100).optional(),
});
