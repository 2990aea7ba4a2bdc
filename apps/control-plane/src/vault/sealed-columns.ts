import { connectionColumn, registrationColumn, upstreamRevocationColumn } from '@sallyport/connection-store';
import type { SealedColumn } from '@sallyport/vault';
import { storedSecretColumn } from '../configuration/change-sets/stored-secrets.js';
import { connectTicketColumn } from '../credentials/connect/connect-tickets.js';
import { connectFlowColumn } from '../credentials/connect/pending-grants.js';
import { browserSessionColumn } from '../browser-session/browser-sessions.js';
import { auditKeyColumn } from '../trail/chain/audit-keys.js';

/** What this process seals anew after a rotation of the vault's keys; connections also for the refresh worker. */
export const sealedColumns: readonly SealedColumn[] = [
  storedSecretColumn,
  registrationColumn,
  browserSessionColumn,
  connectFlowColumn,
  connectTicketColumn,
  connectionColumn,
  upstreamRevocationColumn,
  auditKeyColumn,
];
