import { createHash } from 'node:crypto';
import type { Clock } from '@sallyport/kernel';
import { createRequestSigner } from '@sallyport/mcp-relay';
import type { RequestCredential } from '@sallyport/mcp-relay';
import type { LeaseOutcome } from '@sallyport/messages';

type Granted = Pick<Extract<LeaseOutcome, { type: 'granted' }>, 'headers' | 'signings' | 'clientCertificate'>;

/**
 * What was leased, as requests are made with it.
 * @throws SallyportError `signing_key_invalid`
 */
export function toRequestCredential(
  { headers, signings = [], clientCertificate }: Granted,
  clock: Clock,
): RequestCredential {
  return {
    headers,
    sign: signings.length === 0 ? undefined : createRequestSigner(signings, clock),
    clientCertificate: clientCertificate && {
      ...clientCertificate,
      fingerprint: createHash('sha256')
        .update(JSON.stringify([clientCertificate.certificate, clientCertificate.privateKey]))
        .digest('base64url'),
    },
  };
}

/**
 * The values a server is shown and must not hand on. Keys are shown to nobody; a signature is good for one request and
 * minutes.
 */
export function secretHeadersOf({ headers, signings = [] }: Granted): string[] {
  return [
    ...Object.values(headers),
    ...signings.flatMap((signing) => (signing.method === 'aws-sigv4' ? [signing.sessionToken] : [])),
  ];
}
