import type { Database } from '@sallyport/database';
import type { Sealer } from '@sallyport/keys';
import { z } from 'zod';
import type { JournalEntry } from './judge-tokens.js';
import { digestOf } from './single-use-provider.js';

const STATEMENTS = [
  `CREATE TABLE "SignInJournal" (n bigserial PRIMARY KEY, at double precision, process text, session text,
     "ownerBefore" text, "ownerAfter" text, revision integer, "confirmedAt" double precision, "isEnded" boolean,
     sealed bytea)`,
  `CREATE FUNCTION note_sign_in() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     IF TG_OP = 'INSERT' OR NEW."lockOwner" IS DISTINCT FROM OLD."lockOwner" OR NEW.revision <> OLD.revision
         OR NEW."confirmedAt" <> OLD."confirmedAt" OR NEW."endedAt" IS DISTINCT FROM OLD."endedAt" THEN
       INSERT INTO "SignInJournal"
         (at, process, session, "ownerBefore", "ownerAfter", revision, "confirmedAt", "isEnded", sealed)
       VALUES (floor(extract(epoch FROM clock_timestamp()) * 1000), current_setting('application_name'), NEW.id,
         CASE WHEN TG_OP = 'UPDATE' THEN OLD."lockOwner" END, NEW."lockOwner", NEW.revision,
         floor(extract(epoch FROM NEW."confirmedAt") * 1000), NEW."endedAt" IS NOT NULL,
         CASE WHEN TG_OP = 'INSERT' THEN NEW."sealedTokens"
           WHEN NEW."sealedTokens" IS DISTINCT FROM OLD."sealedTokens" THEN NEW."sealedTokens" END);
     END IF;
     RETURN NULL;
   END $$`,
  `CREATE TRIGGER note_sign_in AFTER INSERT OR UPDATE ON "IdentitySession"
     FOR EACH ROW EXECUTE FUNCTION note_sign_in()`,
];

/** What happened to a sign-in. `lost`: it says that its refresh token is spent and the next one never came. */
export interface SignInEntry extends JournalEntry {
  readonly state: 'stands' | 'lost' | 'ended';
  /** When the provider last said yes, milliseconds since the epoch. */
  readonly confirmedAt: number;
}

/**
 * From now on PostgreSQL itself notes who took and left a sign-in and what was committed, also for a process that is
 * killed.
 */
export async function startSignInJournal(database: Database): Promise<void> {
  for (const statement of STATEMENTS) await database.$executeRawUnsafe(statement);
}

interface Row extends Omit<JournalEntry, 'credential' | 'state'> {
  readonly confirmedAt: number;
  readonly isEnded: boolean;
  readonly sealed: Uint8Array | null;
}
const Kept = z.object({ refreshToken: z.string().optional(), isRefreshTokenLost: z.boolean().optional() });

/** What was noted of one sign-in, in order. */
export async function readSignInJournal(
  database: Database,
  sealer: Sealer,
  session: { id: string; userId: string; trustProvider: string; issuer: string },
): Promise<SignInEntry[]> {
  const rows = await database.$queryRaw<Row[]>`SELECT * FROM "SignInJournal" WHERE session = ${session.id} ORDER BY n`;
  let state: SignInEntry['state'] = 'stands';
  return rows.map(({ sealed, isEnded, revision, ...entry }) => {
    const { id, userId, trustProvider, issuer } = session;
    // As the authorization server seals them (security rule S22).
    const boundTo = JSON.stringify([id, userId, trustProvider, issuer, revision]);
    const kept = sealed && Kept.parse(JSON.parse(sealer.open('identity-session', sealed, boundTo).toString('utf8')));
    if (isEnded) state = 'ended';
    else if (kept) state = kept.isRefreshTokenLost === true ? 'lost' : 'stands';
    const refreshDigest = kept?.refreshToken === undefined ? undefined : digestOf(kept.refreshToken);
    return {
      ...entry,
      revision,
      state,
      credential: refreshDigest === undefined ? null : { refreshDigest, accessDigest: null },
    };
  });
}
