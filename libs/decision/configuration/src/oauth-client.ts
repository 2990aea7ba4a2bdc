import { z } from 'zod';
import { Scope, SecretSource } from './fields.js';

export const ClientId = z.string().min(1).max(512).describe('Our client id there.');
/** Our client, registered by hand, and how it authenticates at a token endpoint. */
export const Client = z
  .discriminatedUnion('authentication', [
    z
      .strictObject({
        authentication: z
          .enum(['client_secret_basic', 'client_secret_post'])
          .describe('How we send the secret: in the `Authorization` header, or in the body.'),
        clientId: ClientId,
        clientSecret: SecretSource.describe('The secret of our client.'),
      })
      .describe('A client with a secret (RFC 6749 section 2.3.1).'),
    z
      .strictObject({
        authentication: z.literal('private_key_jwt').describe('We sign an assertion with a key.'),
        clientId: ClientId,
        clientKey: SecretSource.describe('The private key, as JWK.'),
        assertionAudience: z
          .string()
          .min(1)
          .max(2_048)
          .optional()
          .describe('The `aud` of the assertion; by default the token endpoint.'),
      })
      .describe('A client with a key (RFC 7523).'),
  ])
  .meta({ title: 'OAuth client' });
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

const RefreshPace = z
  .strictObject({
    perMinute: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe('Refreshes that all workers together begin in a minute; 6000 by default.'),
    concurrency: z.int().min(1).max(100).optional().describe('Refreshes that one worker does at a time; 5 by default.'),
  })
  .meta({ title: 'Refresh pace' });
/** The field of every type whose tokens the workers refresh. */
export const refresh = RefreshPace.optional().describe(
  'How fast the workers refresh tokens before they expire. A refresh that a user waits for counts in neither.',
);
/** Of the types where each user connects an account. */
export const maxScopes = z
  .array(Scope)
  .max(64)
  .optional()
  .describe(
    'The scopes we may ask for when the server wants more (RFC 6750, `insufficient_scope`); by default `scopes`. ' +
      'Without both, we ask for whatever the server wants, and the user agrees or not.',
  );
