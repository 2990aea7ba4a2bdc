import type { NewestRevision, Revision } from './revision-log.js';

/**
 * Whether the stored log tells of a history that the database does not know, because the database was restored from a
 * backup: the log is ahead within the epoch, or the database has published into an epoch that the log has left since.
 * @param stored the newest change and the newest base in the log.
 */
export function contradicts(stored: readonly Revision[], newest: NewestRevision): boolean {
  if (stored.some(({ epoch, revision }) => epoch === newest.epoch && revision > newest.revision)) return true;
  return newest.epochIsPublished && stored.length > 0 && stored.every(({ epoch }) => epoch !== newest.epoch);
}
