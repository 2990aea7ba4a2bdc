import { z } from 'zod';
import { Duration, Origin, SecretSource, ServerId } from './fields.js';

const ClientCertificate = z
  .strictObject({
    certificate: SecretSource.describe('The certificate, as PEM; intermediates may follow it.'),
    privateKey: SecretSource.describe('The private key of the certificate, as PEM.'),
    // security rule S20
    origin: Origin.describe('The only origin that is shown it, also after the server’s URL changes.'),
  })
  .meta({ title: 'Client certificate' });

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

const RequestSigning = z
  .strictObject({
    signingKey: SecretSource.describe('The key, as JWK: private (Ed25519, P-256, P-384 or RSA) or symmetric.'),
    keyId: z
      .string()
      .min(1)
      .max(256)
      .regex(/^[\x20-\x7E]+$/, 'must be printable characters')
      .optional()
      .describe('The `keyid` parameter; by default the JWK’s `kid`.'),
    components: Components.optional().describe(
      'The components to sign, if a request has them; by default everything but `user-agent` and `accept`.',
    ),
    lifetime: Duration.refine(
      (text) =>
        Number.parseInt(text, 10) * ({ s: 1, m: 60 }[text.slice(-1)] ?? Number.POSITIVE_INFINITY) <= 300 &&
        !/^0+[sm]$/.test(text),
      'must be between 1s and 5m',
    )
      .default('60s')
      .describe('The time from `created` to `expires`, between 1s and 5m.'),
    tag: z
      .string()
      .min(1)
      .max(128)
      .regex(/^[\x20-\x7E]+$/, 'must be printable characters')
      .optional()
      .describe('The `tag` parameter, which names the application that the signature is for.'),
    // security rule S20
    origin: Origin.describe('The only origin whose requests are signed, also after the server’s URL changes.'),
  })
  .meta({ title: 'Request signing' });

/** What every type of credential provider may have. */
export const addOns = {
  clientCertificate: ClientCertificate.optional().describe('Mutual TLS: the certificate the gateway shows the server.'),
  requestSigning: RequestSigning.optional().describe(
    'HTTP Message Signatures (RFC 9421) with a Content-Digest (RFC 9530) on each request to the server.',
  ),
};
/** Of every type of credential provider. */
export const server = ServerId.describe('The `McpServer` that gets the credential.');
/** The field of the types whose credentials are not stored with an origin of their own (security rule S20). */
export const origin = Origin.describe(
  'The only origin that gets its credentials, also after the server’s URL changes.',
);
export interface CredentialAddOns {
  readonly clientCertificate?: z.infer<typeof ClientCertificate> | undefined;
  readonly requestSigning?: z.infer<typeof RequestSigning> | undefined;
}
