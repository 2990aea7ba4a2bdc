import { isDeepStrictEqual } from 'node:util';
import { Document, documentKey } from '@sallyport/configuration';
import { Revocation } from '@sallyport/configuration/log';
import type { DocumentOf } from '@sallyport/configuration';
import { Prisma } from '@sallyport/database';
import type { Database } from '@sallyport/database';
import { secretSourcesOf } from '@sallyport/declaration';
import { constantTimeEqual, SallyportError } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { sealedColumn } from '@sallyport/vault';
import { z } from 'zod';
import type { DesiredConfiguration } from './read-declarative-file.js';
import type { Revision, RevisionLog, Transaction } from './revision-log.js';

/** Everything as of one revision. */
export interface CompleteConfiguration extends Revision {
  readonly documents: readonly Document[];
  /** Those that have not expired. */
  readonly revocations: readonly Revocation[];
}

export interface AppliedConfiguration extends Revision {
  readonly changed: boolean;
  /** `<Kind>/<name>` of what was written and what was removed. */
  readonly puts: readonly string[];
  readonly deletes: readonly string[];
}

/** Ends of MCP sessions, which a control plane of an earlier version writes while it still runs beside this one. */
const FORMER_KIND = 'mcp-session';
const SECRET_PURPOSE = 'stored-secret';
export const storedSecretColumn = sealedColumn(
  'StoredSecret',
  SECRET_PURPOSE,
  z.object({ name: z.string() }),
  ({ name }) => name,
);

/** The documents in PostgreSQL, and the secrets they refer to, sealed. */
export class PostgresDocumentStore {
  readonly #database: Database;
  readonly #revisions: RevisionLog;
  readonly #sealer: Sealer;
  readonly #clock: Clock;

  constructor(parts: { database: Database; revisions: RevisionLog; sealer: Sealer; clock: Clock }) {
    this.#database = parts.database;
    this.#revisions = parts.revisions;
    this.#sealer = parts.sealer;
    this.#clock = parts.clock;
  }

  /**
   * Makes the stored documents be exactly these, as one revision; no revision when nothing differs. A document whose
   * secret got another value counts as changed, so that who uses it reads the secret again.
   */
  async apply(desired: DesiredConfiguration): Promise<AppliedConfiguration> {
    let puts: Document[] = [];
    let deletes: { kind: string; name: string }[] = [];
    const written = await this.#revisions.write(async (transaction, { revision }) => {
      const rows = await transaction.configurationDocument.findMany();
      const stored = new Map(rows.map((row) => [documentKey(row), row.spec]));
      const secretsChanged = await this.#writeChanged(transaction, desired.secrets);
      await transaction.storedSecret.deleteMany({ where: { name: { notIn: [...desired.secrets.keys()] } } });
      puts = desired.documents.filter(
        (document) =>
          !isDeepStrictEqual(stored.get(documentKey(document)), plain(document.spec)) ||
          secretSourcesOf(document).some(({ name }) => secretsChanged.has(name)),
      );
      const wanted = new Set(desired.documents.map(documentKey));
      // What administrators approved stays where nobody says otherwise: a file that names some for the server does.
      const stays = ({ kind, name }: { kind: string; name: string }) =>
        kind === 'ApprovedTools' && wanted.has(documentKey({ kind: 'McpServer', name }));
      deletes = rows
        .filter((row) => !wanted.has(documentKey(row)) && !stays(row))
        .map(({ kind, name }) => ({ kind, name }));
      if (puts.length === 0 && deletes.length === 0) return undefined;
      await removeDocuments(transaction, deletes);
      await writeDocuments(transaction, puts, revision);
      return { puts, deletes };
    });
    return { ...written, puts: puts.map(documentKey), deletes: deletes.map(documentKey) };
  }

  /**
   * Stores new values of secrets that are known, as one revision: their documents count as changed. Ignores secrets
   * that no document names any more.
   */
  async renew(secrets: DesiredConfiguration['secrets']): Promise<AppliedConfiguration> {
    let puts: Document[] = [];
    const written = await this.#revisions.write(async (transaction, { revision }) => {
      const stored = (await transaction.configurationDocument.findMany()).map(parseDocument);
      const known = new Set(stored.flatMap(secretSourcesOf).map(({ name }) => name));
      const changed = await this.#writeChanged(transaction, new Map([...secrets].filter(([name]) => known.has(name))));
      puts = stored.filter((document) => secretSourcesOf(document).some(({ name }) => changed.has(name)));
      if (puts.length === 0) return undefined;
      for (const { kind, name } of puts)
        await transaction.configurationDocument.update({ where: { kind_name: { kind, name } }, data: { revision } });
      return { puts, deletes: [] };
    });
    return { ...written, puts: puts.map(documentKey), deletes: [] };
  }

  /**
   * Writes which tools of one server are approved.
   * @param tools `undefined`: none are any more, and none are held back
   * @returns `undefined` when there is no such server
   */
  async approveTools(
    server: string,
    tools: DocumentOf<'ApprovedTools'>['spec']['tools'] | undefined,
  ): Promise<(Revision & { changed: boolean }) | undefined> {
    let isThere = true;
    const written = await this.#revisions.write(async (transaction, { revision }) => {
      const where = { kind_name: { kind: 'ApprovedTools', name: server } };
      isThere =
        (await transaction.configurationDocument.findUnique({
          where: { kind_name: { kind: 'McpServer', name: server } },
        })) !== null;
      const stored = await transaction.configurationDocument.findUnique({ where });
      if (!isThere || (tools === undefined && stored === null)) return undefined;
      if (tools === undefined) {
        await transaction.configurationDocument.delete({ where });
        return { deletes: [{ kind: 'ApprovedTools', name: server }] };
      }
      const spec = { tools };
      if (isDeepStrictEqual(stored?.spec, plain(spec))) return undefined;
      const data = { spec: plain(spec) as Prisma.InputJsonObject, revision };
      await transaction.configurationDocument.upsert({
        where,
        create: { kind: 'ApprovedTools', name: server, ...data },
        update: data,
      });
      return { puts: [{ kind: 'ApprovedTools', name: server, spec }] };
    });
    return isThere ? written : undefined;
  }

  /** @throws {SallyportError} `configuration_unreadable`: a stored document is none this version knows. */
  async complete(): Promise<CompleteConfiguration> {
    return this.#database.$transaction(
      async (transaction) => {
        const newest = await transaction.configurationRevision.findFirst({
          orderBy: { revision: 'desc' },
          select: { epoch: true, revision: true },
        });
        if (!newest) throw new SallyportError('configuration_missing', 'There is no configuration yet.');
        const documents = (
          await transaction.configurationDocument.findMany({ orderBy: [{ kind: 'asc' }, { name: 'asc' }] })
        ).map(parseDocument);
        const rows = await transaction.revocation.findMany({
          where: {
            subjectType: { not: FORMER_KIND },
            OR: [{ expiresAt: null }, { expiresAt: { gt: Math.floor(this.#clock() / 1000) } }],
          },
          orderBy: { createdAt: 'asc' },
        });
        return {
          ...newest,
          documents,
          revocations: rows.map(({ id, subject, notBefore, expiresAt }) =>
            Revocation.parse({ id, subject, notBefore, expiresAt }),
          ),
        };
      },
      { isolationLevel: Prisma.TransactionIsolationLevel.RepeatableRead, timeout: 30_000 },
    );
  }

  /** @returns the names of those that have another value than before. */
  async #writeChanged(transaction: Transaction, secrets: DesiredConfiguration['secrets']): Promise<Set<string>> {
    const changed = new Set<string>();
    const rows = new Map((await transaction.storedSecret.findMany()).map((row) => [row.name, row.sealed]));
    for (const [name, secret] of secrets) {
      const sealed = rows.get(name);
      if (
        sealed &&
        constantTimeEqual(this.#sealer.open(SECRET_PURPOSE, sealed, name).toString('utf8'), secret.reveal())
      )
        continue;
      const data = { sealed: new Uint8Array(this.#sealer.seal(SECRET_PURPOSE, secret.reveal(), name)) };
      await transaction.storedSecret.upsert({ where: { name }, create: { name, ...data }, update: data });
      changed.add(name);
    }
    return changed;
  }
}

/** In one statement each: a configuration of ten thousand documents is written in a second, not in half a minute. */
async function removeDocuments(
  transaction: Transaction,
  removed: readonly { readonly kind: string; readonly name: string }[],
): Promise<void> {
  if (removed.length === 0) return;
  await transaction.$executeRaw`
    DELETE FROM "ConfigurationDocument" AS stored
    USING jsonb_to_recordset(${JSON.stringify(removed)}::jsonb) AS removed(kind text, name text)
    WHERE stored.kind = removed.kind AND stored.name = removed.name`;
}

async function writeDocuments(transaction: Transaction, puts: readonly Document[], revision: number): Promise<void> {
  if (puts.length === 0) return;
  await transaction.$executeRaw`
    INSERT INTO "ConfigurationDocument" (kind, name, spec, revision)
    SELECT kind, name, spec, ${revision}::int
    FROM jsonb_to_recordset(${JSON.stringify(puts)}::jsonb) AS put(kind text, name text, spec jsonb)
    ON CONFLICT (kind, name) DO UPDATE SET spec = excluded.spec, revision = excluded.revision`;
}

/** As PostgreSQL gives it back: without `undefined` members. */
const plain = (spec: object): unknown => JSON.parse(JSON.stringify(spec));

function parseDocument({ kind, name, spec }: { kind: string; name: string; spec: unknown }): Document {
  const parsed = Document.safeParse({ kind, name, spec });
  if (!parsed.success)
    throw new SallyportError(
      'configuration_unreadable',
      `The stored ${kind} "${name}" is not one this version understands.`,
      { cause: parsed.error },
    );
  return parsed.data;
}
