import { sealedColumn, type SealedColumn } from '@sallyport/vault';
import { z } from 'zod';
import { artifactColumn } from './artifact-store.js';
import { identitySessionColumn } from './identity-session.js';

/** What this process writes sealed, and seals anew after a rotation of the vault's keys. */
export const sealedColumns: readonly SealedColumn[] = [
  sealedColumn('SigningKey', 'signing-key', z.object({ kid: z.string() }), ({ kid }) => kid),
  identitySessionColumn,
  artifactColumn,
];
