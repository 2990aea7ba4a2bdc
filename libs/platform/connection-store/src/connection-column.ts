import { CONNECTION_PURPOSE, vaultAad } from '@sallyport/credential';
import { sealedColumn } from '@sallyport/vault';
import { z } from 'zod';

const text = z.string();
const Bound = z.object({
  id: text,
  userId: text.nullable(),
  server: text,
  issuer: text,
  resource: text,
  credentialProvider: text,
  revision: z.int(),
  tokenEndpoint: text,
  revocationEndpoint: text.nullable(),
  targetOrigin: text,
  clientId: text,
});

/** Sealed anew at the same revision, for the same row: to whoever refreshes it nothing has changed. */
export const connectionColumn = sealedColumn('Connection', CONNECTION_PURPOSE, Bound, vaultAad);
/** What was removed stays as it was sealed for the connection. */
export const upstreamRevocationColumn = sealedColumn('UpstreamRevocation', CONNECTION_PURPOSE, Bound, vaultAad);
