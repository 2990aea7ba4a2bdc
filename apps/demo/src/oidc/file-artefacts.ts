import { z } from 'zod';
import type { Clock } from '@sallyport/kernel';
import { JsonFile } from '../storage/json-file.js';
import type { ArtefactRecords, StoredArtefact } from './memory-artefacts.js';

const Stored = z.record(
  z.string(),
  z.object({ payload: z.looseObject({}), expiresAt: z.number().optional(), consumedAt: z.number().optional() }),
);

/**
 * Keeps records in a file, so that clients, grants and refresh tokens outlive the process. A change drops expired ones.
 */
export async function fileArtefacts(path: string, clock: Clock): Promise<ArtefactRecords> {
  const stored = (await JsonFile.read(path, Stored)) ?? {};
  const records = new Map<string, StoredArtefact>(
    Object.entries(stored).map(([key, { payload, expiresAt, consumedAt }]) => [
      key,
      {
        payload,
        ...(expiresAt === undefined ? {} : { expiresAt }),
        ...(consumedAt === undefined ? {} : { consumedAt }),
      },
    ]),
  );
  const file = new JsonFile(path, () => Object.fromEntries(records));
  return {
    records,
    changed: () => {
      const now = Math.floor(clock() / 1000);
      for (const [key, { expiresAt }] of records) if (expiresAt !== undefined && expiresAt <= now) records.delete(key);
      return file.save();
    },
  };
}
