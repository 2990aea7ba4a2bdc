import { z } from 'zod';
import { Duration, Origin, SecretSource } from './fields.js';

/** Mutual TLS: what the gateway shows the server. Both are PEM; the certificate may be followed by those that vouch for it. */
const ClientCertificate = z.strictObject({
  certificate: SecretSource,
  privateKey: SecretSource,
  /** Where it may be shown; it does not follow a server that moves (security rule S20). */
  origin: Origin,
});

/** Of a request, what has a name of its own (RFC 9421 section 2.2). */
const DERIVED = ['@method', '@target-uri', '@authority', '@scheme', '@request-target', '@path', '@query'] as const;
const HeaderComponent = z
  .string()
  .max(64)
  .regex(
    /^[a-z0-9-]+$/,
    'must be a header in lower case, or one of @method, @target-uri, @authority, @scheme, @request-target, @path and @query',
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
    // Less would leave a signature that also holds for another request.
    if (!has('@method') || !has('content-digest')) say('needs @method and content-digest');
    if (!has('@target-uri') && !(has('@authority') && (has('@path') || has('@request-target'))))
      say('needs @target-uri, or @authority with @path or @request-target');
  });

/** HTTP Message Signatures (RFC 9421) with a Content-Digest (RFC 9530). */
const RequestSigning = z.strictObject({
  /** A private JWK (Ed25519, P-256, P-384 or RSA), or a symmetric one. */
  signingKey: SecretSource,
  /** `keyid`; the key's own `kid` unless said. */
  keyId: z
    .string()
    .min(1)
    .max(256)
    .regex(/^[\x20-\x7E]+$/, 'must be printable characters')
    .optional(),
  /** What is signed, where a request has it; everything but `user-agent` and `accept` unless said. */
  components: Components.optional(),
  /** From `created` to `expires`. */
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
  /** Where it may be used; it does not follow a server that moves (security rule S20). */
  origin: Origin,
});

/** What any kind of credential provider takes besides. */
export const addOns = { clientCertificate: ClientCertificate.optional(), requestSigning: RequestSigning.optional() };
export interface CredentialAddOns {
  readonly clientCertificate?: z.infer<typeof ClientCertificate> | undefined;
  readonly requestSigning?: z.infer<typeof RequestSigning> | undefined;
}
