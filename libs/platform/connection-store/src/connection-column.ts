import { CONNECTION_PURPOSE, vaultAad } from '@sallyport/connection';
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

/**
 * The credential of a connection. Sealing it anew keeps the revision, so a refresh that is under way may still store.
 */
export const connectionColumn = sealedColumn('Connection', CONNECTION_PURPOSE, Bound, vaultAad);
/** The credential of a removed connection, sealed as it was for the connection. */
export const upstreamRevocationColumn = sealedColumn('UpstreamRevocation', CONNECTION_PURPOSE, Bound, vaultAad);
