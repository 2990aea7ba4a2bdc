import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import { GONE_AT_EXPIRY, KEPT_AFTER_EXPIRY_MS } from '../storage/artifact-store.js';

const BATCH = 1_000;
/** Longer than any token of theirs lives, and long enough to look one up that has just ended. */
const ENDED_SESSIONS_KEPT_MS = 30 * 86_400_000;
/** Sign-ins hold nothing more once they ended; agent sessions that ended with them say why. */
const ENDED_SIGN_INS_KEPT_MS = 86_400_000;

/**
 * Removes what has expired, on any number of replicas at once: in small transactions, each passing over rows that
 * somebody else has in hand, so that it neither waits nor makes anybody wait for more than a thousand rows.
 * @returns how many rows it removed
 */
export async function removeExpired(
  database: Pick<Database, '$executeRaw'>,
  clock: Clock,
  batch = BATCH,
): Promise<number> {
  const before = (ms: number) => new Date(clock() - ms);
  const artefacts = await inBatches(
    batch,
    () =>
      database.$executeRaw`DELETE FROM "OidcArtifact" WHERE ctid = ANY (ARRAY(SELECT ctid FROM "OidcArtifact"
        WHERE "expiresAt" < ${before(0)} AND ("expiresAt" < ${before(KEPT_AFTER_EXPIRY_MS)}
        OR "kind" = ANY (${GONE_AT_EXPIRY})) LIMIT ${batch} FOR UPDATE SKIP LOCKED))`,
  );
  const sessions = await inBatches(
    batch,
    () =>
      database.$executeRaw`DELETE FROM "AgentSession" WHERE ctid = ANY (ARRAY(SELECT ctid FROM "AgentSession"
        WHERE "endedAt" < ${before(ENDED_SESSIONS_KEPT_MS)} LIMIT ${batch} FOR UPDATE SKIP LOCKED))`,
  );
  const signIns = await inBatches(
    batch,
    () =>
      database.$executeRaw`DELETE FROM "IdentitySession" WHERE ctid = ANY (ARRAY(SELECT ctid FROM "IdentitySession" i
        WHERE i."endedAt" < ${before(ENDED_SIGN_INS_KEPT_MS)} AND NOT EXISTS (SELECT 1 FROM "AgentSession" a
        WHERE a."identitySessionId" = i.id AND a."endedAt" IS NULL) LIMIT ${batch} FOR UPDATE SKIP LOCKED))`,
  );
  const uses = await inBatches(
    batch,
    () =>
      database.$executeRaw`DELETE FROM "InitialAccessTokenUse" WHERE ctid = ANY (ARRAY(SELECT ctid
        FROM "InitialAccessTokenUse" WHERE "expiresAt" < ${before(0)} LIMIT ${batch} FOR UPDATE SKIP LOCKED))`,
  );
  return artefacts + sessions + signIns + uses;
}

async function inBatches(batch: number, removeSome: () => Promise<number>): Promise<number> {
  let removed = 0;
  let last = batch;
  while (last === batch) removed += last = await removeSome();
  return removed;
}
