import { openCredential, type Connection, type Vault } from '@sallyport/connection';
import type { Database } from '@sallyport/database';
import type { JournalEntry } from './judge-tokens.js';
import { digestOf } from './single-use-provider.js';

const STATEMENTS = [
  `CREATE TABLE "RefreshJournal" (n bigserial PRIMARY KEY, at double precision, process text, connection text, "ownerBefore" text, "ownerAfter" text, revision integer, state text, sealed bytea)`,
  `CREATE FUNCTION note_refresh() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     IF TG_OP = 'INSERT' OR NEW."refreshLockOwner" IS DISTINCT FROM OLD."refreshLockOwner" OR NEW.revision <> OLD.revision OR NEW.state <> OLD.state OR NEW."sealedCredential" <> OLD."sealedCredential" THEN
       INSERT INTO "RefreshJournal" (at, process, connection, "ownerBefore", "ownerAfter", revision, state, sealed)
       VALUES (floor(extract(epoch FROM clock_timestamp()) * 1000), current_setting('application_name'), NEW.id,
         CASE WHEN TG_OP = 'UPDATE' THEN OLD."refreshLockOwner" END, NEW."refreshLockOwner", NEW.revision, NEW.state,
         CASE WHEN TG_OP = 'INSERT' THEN NEW."sealedCredential" WHEN NEW."sealedCredential" <> OLD."sealedCredential" THEN NEW."sealedCredential" END);
     END IF;
     RETURN NULL;
   END $$`,
  `CREATE TRIGGER note_refresh AFTER INSERT OR UPDATE ON "Connection" FOR EACH ROW EXECUTE FUNCTION note_refresh()`,
];

/**
 * From now on PostgreSQL itself notes who took and left a lock and what was committed, also for a process that is
 * killed.
 */
export async function startJournal(database: Database): Promise<void> {
  for (const statement of STATEMENTS) await database.$executeRawUnsafe(statement);
}

type Row = Omit<JournalEntry, 'credential'> & { readonly connection: string; readonly sealed: Uint8Array | null };

/** What was noted of one connection, in order. */
export async function readJournal(database: Database, vault: Vault, connection: Connection): Promise<JournalEntry[]> {
  const rows = await database.$queryRaw<
    Row[]
  >`SELECT * FROM "RefreshJournal" WHERE connection = ${connection.id} ORDER BY n`;
  return rows.map(({ at, process, ownerBefore, ownerAfter, state, revision, sealed }) => {
    const opened = sealed && openCredential(vault, { ...connection, revision, sealedCredential: sealed });
    return {
      at,
      process,
      ownerBefore,
      ownerAfter,
      state,
      revision,
      credential: opened && {
        refreshDigest: digestOf(opened.refreshToken ?? ''),
        accessDigest: digestOf(opened.accessToken),
      },
    };
  });
}
