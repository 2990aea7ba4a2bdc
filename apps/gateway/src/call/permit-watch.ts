import type { Clock } from '@sallyport/kernel';
import { compilePolicies, decide } from '@sallyport/policy';
import type { Action, Permit } from '@sallyport/policy';
import type { CredentialLease } from '../outbound/credential-leases.js';
import { originOf } from '../outbound/with-lease.js';
import type { Call } from './call.js';
import { documentsGeneration } from './configured-for.js';
import type { PermitWatch } from './open-calls.js';

/** Time and network count while a call runs, too; a change of documents counts at once. */
const DECIDED_AGAIN_MS = 10_000;
const GOLDEN_RATIO = 0.618_033_988_75;
let watches = 0;

/**
 * When a call that begins now counts as decided: somewhat earlier, and for each call another moment. So calls that
 * began together are decided again one after the other and not all at once, which would keep everybody else waiting
 * (S34).
 */
export const decidedSince = (now: number): number =>
  now - Math.floor(((++watches * GOLDEN_RATIO) % 1) * DECIDED_AGAIN_MS);

/** Watches one permit and the lease it was given. */
export function permitWatch(
  clock: Clock,
  call: Call,
  permit: Permit,
  lease: CredentialLease,
  action: Action,
): PermitWatch {
  let { documentsGeneration: generation } = call;
  let decidedAt = decidedSince(call.now);
  let isLost = false;
  return {
    isRevoked: ({ revocations }) => revocations.isLeaseRevoked(lease),
    isLost(snapshot) {
      const now = clock();
      if (isLost || (documentsGeneration(snapshot) === generation && now - decidedAt < DECIDED_AGAIN_MS)) return isLost;
      [generation, decidedAt] = [documentsGeneration(snapshot), now];
      const decision = decide(compilePolicies(snapshot), call.caller, {
        server: permit.server,
        action,
        sourceIp: call.inbound.sourceIp,
        now,
      });
      const server = snapshot.get('McpServer', permit.server);
      return (isLost =
        decision.outcome !== 'allow' ||
        decision.permit.credentialProvider !== permit.credentialProvider ||
        server === undefined ||
        originOf(server) !== lease.targetOrigin);
    },
  };
}
