import type { BytesInFlight } from '@sallyport/http';
import type { ServerChannel } from '@sallyport/mcp-relay';
import { Decisions } from '../call/decide-operation.js';
import { createListingAtHand, createReadListing } from '../call/read-listing.js';
import { createResolveAtHand, createResolveName } from '../call/resolve-name.js';
import type { ObserveMissing } from '../call/resolve-name.js';
import type { StepUpMemory } from '../call/step-up-memory.js';
import type { TakeReplicaRequestUses } from '../conversation/take-replica-request.js';
import { createConnectAccount } from '../operations/connect-account.js';
import type { Identity } from '../operations/describe-gateway.js';
import { WarmMemory } from './warm-memory.js';
import { createOperations } from '../operations/perform.js';
import type { StreamPauses } from '../operations/stream-pauses.js';
import type { Catalogues } from '../outbound/catalogues.js';
import type { CredentialLeases } from '../outbound/credential-leases.js';
import type { ObserveServer } from '../outbound/observe-server.js';
import { ServerAccess } from '../outbound/server-access.js';
import type { WarmCallUses } from './begin-warm-call.js';
import type { RequestPath } from './handle-mcp-request.js';

/** What the gateway is made of, besides what is made of it here. */
export interface AssembledFrom extends Omit<
  RequestPath & TakeReplicaRequestUses,
  'decisions' | 'servers' | 'operations'
> {
  readonly leases: CredentialLeases;
  readonly catalogues: Catalogues;
  readonly channel: ServerChannel;
  readonly bytes: BytesInFlight;
  readonly identity: Identity;
  readonly stepUps: StepUpMemory;
  readonly streamPauses: StreamPauses;
  /** How long a list waits for one server. */
  readonly listTimeoutMs: number;
  /** Characters of JSON in one page of a list. */
  readonly listPageLength: number;
  readonly observeMissing?: ObserveMissing | undefined;
  readonly observeServer?: ObserveServer | undefined;
}

/** Makes each step and each operation with what it uses. Once, when the gateway starts. */
export function assembleRequestPath(parts: AssembledFrom): WarmCallUses & AssembledFrom {
  const decisions = new Decisions(parts);
  const servers = new ServerAccess(parts);
  const readListing = createReadListing({ servers, catalogues: parts.catalogues });
  const resolveAtHand = createResolveAtHand(createListingAtHand({ servers, catalogues: parts.catalogues }));
  const resolveName = createResolveName({ ...parts, readListing });
  const connectAccount = createConnectAccount({ decisions, readListing, sealer: parts.sealer });
  const made = {
    ...parts,
    decisions,
    servers,
    readListing,
    resolveName,
    resolveAtHand,
    memory: new WarmMemory(),
    connectAccount,
  };
  return { ...made, operations: createOperations(made) };
}
