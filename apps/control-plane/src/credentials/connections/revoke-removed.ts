import { randomUUID } from 'node:crypto';
import {
  revokeUpstream,
  type RevokeUpstreamContext,
  type UpstreamRevocation,
  type UpstreamRevocationResult,
  type UpstreamRevocations,
} from '@sallyport/connection';
import { backOff } from '@sallyport/connection/refresh';
import type { RecordEvent } from '@sallyport/trail';

export interface RevokeRemovedContext extends RevokeUpstreamContext {
  readonly revocations: UpstreamRevocations;
  readonly random: () => number;
  readonly record: RecordEvent;
}

export type Settled = 'revoked' | 'postponed' | 'given-up';

/** Longer than two requests to a provider can take: afterwards whoever claimed it is taken for dead. */
const CLAIM_MS = 120_000;
const AT_ONCE = 10;

/** Asks the providers of removed connections whose time has come. @returns how many were due. */
export async function revokeRemoved(context: RevokeRemovedContext): Promise<number> {
  const owner = randomUUID();
  const now = context.clock();
  const due = await context.revocations.claim({ owner, now, until: now + CLAIM_MS, limit: AT_ONCE });
  await Promise.all(due.map((removed) => settle(removed, owner, context)));
  return due.length;
}

/**
 * Revokes one connection that was removed just now, before other processes may take it. `undefined`: a refresh of it is
 * under way.
 */
export async function revokeOneUpstream(
  id: string,
  headStartMs: number,
  context: RevokeRemovedContext,
): Promise<Settled | undefined> {
  const owner = randomUUID();
  const now = context.clock();
  const [removed] = await context.revocations.claim({
    owner,
    now: now + headStartMs,
    until: now + CLAIM_MS,
    limit: 1,
    only: id,
  });
  return removed && settle(removed, owner, context);
}

async function settle(removed: UpstreamRevocation, owner: string, context: RevokeRemovedContext): Promise<Settled> {
  const { revocations, clock, random, record } = context;
  const { id, userId, server, attempts } = removed;
  const result = await revokeUpstream(removed, context);
  const again = clock() + backOff({ failures: attempts, random: random() });
  if (result.type === 'failed' && again < removed.givesUpAt) {
    await revocations.postpone(id, owner, again);
    return 'postponed';
  }
  // Who finishes it tells the trail: a claim that ran out is another's to tell.
  if (await revocations.finish(id, owner))
    await record({
      type: 'connection.revoked_upstream',
      ...(userId === null ? {} : { userId }),
      server,
      connectionId: id,
      ...(result.type === 'revoked' ? {} : { reason: wordFor(result) }),
      detail: { revoked: result.type === 'revoked', attempts },
    });
  return result.type === 'revoked' ? 'revoked' : 'given-up';
}

const wordFor = (result: Exclude<UpstreamRevocationResult, { type: 'revoked' }>): string =>
  result.type === 'failed' ? result.reason : result.type;
