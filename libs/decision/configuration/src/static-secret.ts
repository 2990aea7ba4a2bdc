import { z } from 'zod';
import { addOns, server } from './credential-add-ons.js';
import { HttpUrl, Origin, SecretSource } from './fields.js';

/**
 * Headers that belong to the protocol, the connection or a proxy, and `Authorization`, which has forms of its own
 * (security rule S11).
 */
const RESERVED_HEADER = new RegExp(
  `^(${[
    'host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|content-.*|accept.*',
    'cookie|set-cookie|authorization|www-authenticate|dpop|mcp-.*|origin|referer|location|user-agent',
    'forwarded|x-forwarded-.*|last-event-id|traceparent|tracestate|baggage',
    'signature|signature-input|x-amz-date|x-amz-security-token',
  ].join('|')})$`,
  'i',
);
const CredentialHeader = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9-]+$/, 'must be a header name')
  .refine(
    (name) => !RESERVED_HEADER.test(name),
    'is a header that cannot carry a credential: `authorization` has forms of its own ' +
      '(`bearer`, `basic`, `authorization`), others belong to the protocol',
  );
/** Precedes the secret, with a space between. */
const Word = z
  .string()
  .max(32)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be a word');

const Presentation = z.discriminatedUnion('as', [
  z
    .strictObject({ as: z.literal('bearer').describe('The form of the credential.') })
    .describe('`Authorization: Bearer` and the secret.'),
  z
    .strictObject({
      as: z.literal('basic').describe('The form of the credential.'),
      username: z
        .string()
        .min(1)
        .max(256)
        .regex(/^[^:\p{Cc}]+$/u, 'must have no colon and no control characters')
        .optional()
        .describe('The user name. Without it, each user also enters a user name.'),
    })
    .describe('HTTP Basic (RFC 7617); the secret is the password.'),
  z
    .strictObject({
      as: z.literal('authorization').describe('The form of the credential.'),
      scheme: Word.describe('The scheme, such as `Token`.'),
    })
    .describe('`Authorization` with another scheme.'),
  z
    .strictObject({
      as: z.literal('header').describe('The form of the credential.'),
      name: CredentialHeader.describe('The header, such as `X-Api-Key`.'),
      prefix: Word.optional().describe('A word before the secret, with a space between.'),
    })
    .describe('A header of the server’s own.'),
]);

export const Static = z
  .strictObject({
    type: z.literal('static').describe('The type of credential.'),
    server,
    owner: z
      .enum(['user', 'shared'])
      .default('user')
      .describe('Whether each user enters a secret of their own, or all share the one in `secret`.'),
    send: Presentation.describe('How we send the secret to the server.'),
    secret: SecretSource.optional().describe('The secret that all users share, where `owner` is `shared`.'),
    // security rule S20
    origin: Origin.optional().describe(
      'The only origin that gets a shared secret, also after the server’s URL changes.',
    ),
    label: z
      .string()
      .min(1)
      .max(80)
      .optional()
      .describe('The name of the secret on the connect page, such as `Personal access token`.'),
    help: HttpUrl.optional().describe('The page that tells users how to make the secret.'),
    ...addOns,
  })
  .superRefine(({ owner, secret, origin, send, label, help }, context) => {
    const say = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (owner === 'shared') {
      if (secret === undefined) say('secret', 'is required where `owner` is `shared`');
      if (origin === undefined) say('origin', 'is required where `owner` is `shared`: the origin the secret is for');
      if (send.as === 'basic' && send.username === undefined) say('send', 'needs `username` where `owner` is `shared`');
      if (label !== undefined || help !== undefined)
        say(
          label === undefined ? 'help' : 'label',
          'is for users who enter a secret: leave it out where `owner` is `shared`',
        );
    } else {
      if (secret !== undefined) say('secret', 'is entered by each user: leave it out, or say `owner: shared`');
      if (origin !== undefined)
        say('origin', 'is stored with the secret of each user: leave it out, or say `owner: shared`');
    }
  })
  .describe(
    'An API key, a password or a token made by hand. Each user enters their own on the connect page, unless ' +
      '`owner: shared`: then all users share the one in `secret`.',
  );
