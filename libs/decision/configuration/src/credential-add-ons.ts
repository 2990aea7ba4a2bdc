import { z } from 'zod';
import { Duration, Origin, SecretSource } from './fields.js';

/** Mutual TLS: the certificate the gateway shows the server. Both are PEM; intermediates may follow the certificate. */
const ClientCertificate = z.strictObject({
  certificate: SecretSource,
  privateKey: SecretSource,
  /** The only origin that is shown it, also after the server's URL changes (security rule S20). */
  origin: Origin,
});

/** The derived components of a request (RFC 9421 section 2.2). */
const DERIVED = ['@method', '@target-uri', '@authority', '@scheme', '@request-target', '@path', '@query'] as const;
const HeaderComponent = z
  .string()
  .max(64)
  .regex(
    /^[a-z0-9-]+$/,
    'must be a header in lower case, or one of @method, @target-uri, @authority, @scheme, @request-target, @path ' +
      'and @query',
  )
  .refine(
    (name) => !/^(host|connection|content-length|transfer-encoding|signature|signature-input)$/.test(name),
    'is a header of the connection: for `host` say @authority',
  );
const Components = z
  .array(z.union([z.enum(DERIVED), HeaderComponent]))
  .max(32)
  .superRefine((components, context) => {
    const say = (message: string) => context.addIssue({ code: 'custom', message });
    const has = (name: string) => components.includes(name);
    if (new Set(components).size !== components.length) say('names a component twice');
    // With less, the signature would also be valid for another request.
    if (!has('@method') || !has('content-digest')) say('needs @method and content-digest');
    if (!has('@target-uri') && !(has('@authority') && (has('@path') || has('@request-target'))))
      say('needs @target-uri, or @authority with @path or @request-target');
  });

/** HTTP Message Signatures (RFC 9421) with a Content-Digest (RFC 9530). */
const RequestSigning = z.strictObject({
  /** A JWK: private (Ed25519, P-256, P-384 or RSA) or symmetric. */
  signingKey: SecretSource,
  /** The `keyid` parameter; by default the JWK's `kid`. */
  keyId: z
    .string()
    .min(1)
    .max(256)
    .regex(/^[\x20-\x7E]+$/, 'must be printable characters')
    .optional(),
  /** The components to sign, if a request has them; by default everything but `user-agent` and `accept`. */
  components: Components.optional(),
  /** The time from `created` to `expires`. */
  lifetime: Duration.refine(
    (text) =>
      Number.parseInt(text, 10) * ({ s: 1, m: 60 }[text.slice(-1)] ?? Number.POSITIVE_INFINITY) <= 300 &&
      !/^0+[sm]$/.test(text),
    'must be between 1s and 5m',
  ).default('60s'),
  tag: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[\x20-\x7E]+$/, 'must be printable characters')
    .optional(),
  /** The only origin whose requests are signed, also after the server's URL changes (security rule S20). */
  origin: Origin,
});

/** The fields that every type of credential provider has. */
export const addOns = { clientCertificate: ClientCertificate.optional(), requestSigning: RequestSigning.optional() };
export interface CredentialAddOns {
  readonly clientCertificate?: z.infer<typeof ClientCertificate> | undefined;
  readonly requestSigning?: z.infer<typeof RequestSigning> | undefined;
}
