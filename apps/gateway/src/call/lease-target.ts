import type { DocumentOf } from '@sallyport/configuration';
import type { LeaseTarget } from '../outbound/credential-leases.js';
import { originOf } from '../outbound/with-lease.js';
import type { Call } from './call.js';

/** What a lease for this call at this server is asked for with, and how long it counts. */
export function leaseTarget(call: Call, server: DocumentOf<'McpServer'>): LeaseTarget {
  return {
    token: call.token,
    targetOrigin: originOf(server),
    documentsGeneration: call.documentsGeneration,
    revocations: call.snapshot.revocations,
  };
}
