import { createHash } from 'node:crypto';
import { Prisma, type Database } from '@sallyport/database';
import { SallyportError, type Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { sealedColumn } from '@sallyport/vault';
import { z } from 'zod';
import { openSuccessor, sealSuccessor } from './seal-successor.js';

/** What an artefact holds; always a JSON object. */
export type ArtifactPayload = Record<string, unknown>;
export interface StoredArtifact {
  readonly payload: ArtifactPayload;
  /** Seconds since the epoch. */
  readonly consumedAt: number | undefined;
  readonly expired: boolean;
}
export interface ArtifactOptions {
  /** Seconds; without it the artefact stays until it is destroyed. */
  readonly expiresInSeconds?: number | undefined;
  readonly grantId?: string | undefined;
  readonly uid?: string | undefined;
}

const PURPOSE = 'oidc-artifact';
const boundTo = ({ kind, idDigest }: { kind: string; idDigest: string }): string => `${kind}/${idDigest}`;
export const artifactColumn = sealedColumn(
  'OidcArtifact',
  PURPOSE,
  z.object({ kind: z.string(), idDigest: z.string() }),
  boundTo,
);
const MAX_PAYLOAD_BYTES = 128 * 1024;
/** Expired rows stay this long: a replay is then still told apart from something that never was. */
export const KEPT_AFTER_EXPIRY_MS = 3_600_000;
/** Kinds that do not stay: anybody can have them made, as large as a request, and nothing is replayed with one. */
export const GONE_AT_EXPIRY = [
  'DeviceCode',
  'FederationFlow',
  'FederationResult',
  'Interaction',
  'InteractionAnswer',
  'InteractionDecision',
  'PushedAuthorizationRequest',
];
const digest = (id: string): string => createHash('sha256').update(id).digest('base64url');

/**
 * Everything the authorization server must remember between two requests, in one table. The ids are secrets (codes,
 * refresh tokens, cookies), so only their digests are stored, and payloads are sealed (S8): a copy of the
 * table holds nothing that can be used. Consuming and inserting once are single statements, so that of two replicas or
 * two requests exactly one wins.
 */
export class ArtifactStore {
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #clock: Clock;

  constructor(database: Database, sealer: Sealer, clock: Clock) {
    this.#database = database;
    this.#sealer = sealer;
    this.#clock = clock;
  }

  /** @throws SallyportError `artifact_too_large` */
  async put(kind: string, id: string, payload: ArtifactPayload, options: ArtifactOptions = {}): Promise<void> {
    const row = this.#row(kind, id, payload, options);
    const { kind: _kind, idDigest: _idDigest, ...changes } = row;
    await this.#database.oidcArtifact.upsert({
      where: { kind_idDigest: { kind, idDigest: row.idDigest } },
      create: row,
      update: changes,
    });
  }

  /** Replay detection: true for the first of any number of concurrent calls with this id, false for all others. */
  async putOnce(kind: string, id: string, payload: ArtifactPayload, options: ArtifactOptions): Promise<boolean> {
    const { count } = await this.#database.oidcArtifact.createMany({
      data: [this.#row(kind, id, payload, options)],
      skipDuplicates: true,
    });
    return count === 1;
  }

  /** Finds what expired lately, too: the engine decides what an expired artefact means. */
  async find(kind: string, id: string): Promise<StoredArtifact | undefined> {
    const row = await this.#database.oidcArtifact.findUnique({
      where: { kind_idDigest: { kind, idDigest: digest(id) } },
    });
    return row ? this.#open(row) : undefined;
  }

  async findByUid(kind: string, uid: string): Promise<StoredArtifact | undefined> {
    const row = await this.#database.oidcArtifact.findFirst({ where: { kind, uidDigest: digest(uid) } });
    return row ? this.#open(row) : undefined;
  }

  /** Marks an artefact as used. @returns true for exactly one caller, ever */
  async consume(kind: string, id: string): Promise<boolean> {
    const { count } = await this.#database.oidcArtifact.updateMany({
      where: { kind, idDigest: digest(id), consumedAt: null },
      data: { consumedAt: new Date(this.#clock()) },
    });
    return count === 1;
  }

  /** Consumes and returns; undefined when it is unknown, expired or was taken before. */
  async take(kind: string, id: string): Promise<ArtifactPayload | undefined> {
    const found = await this.find(kind, id);
    if (!found || found.expired || !(await this.consume(kind, id))) return undefined;
    return found.payload;
  }

  /**
   * Retires an artefact and stores its successor, both or neither. For `graceSeconds` the successor can be asked for by
   * whoever presents the predecessor again.
   * @returns false when it had been retired before: nothing changed
   */
  async rotate(
    kind: string,
    predecessor: string,
    successor: { id: string; payload: ArtifactPayload; options: ArtifactOptions },
    graceSeconds: number,
  ): Promise<boolean> {
    const sealed = await sealSuccessor(successor.id, predecessor);
    const { grantId } = successor.options;
    const rows = [
      this.#row(kind, successor.id, successor.payload, successor.options),
      this.#row(`${kind}Successor`, predecessor, { sealed }, { grantId, expiresInSeconds: graceSeconds }),
    ];
    // One statement: whoever comes at the same time waits for this one only, and for no process of ours in the middle
    // of it.
    const stored = await this.#database.$executeRaw`
      WITH retired AS (UPDATE "OidcArtifact" SET "consumedAt" = ${new Date(this.#clock())} WHERE kind = ${kind}
        AND "idDigest" = ${digest(predecessor)} AND "consumedAt" IS NULL RETURNING 1)
      INSERT INTO "OidcArtifact" (kind, "idDigest", payload, "grantDigest", "uidDigest", "expiresAt")
      SELECT * FROM (VALUES ${Prisma.join(rows.map(valuesOf))}) AS row WHERE EXISTS (SELECT 1 FROM retired)`;
    return stored === rows.length;
  }

  /** What `rotate` stored, within the grace and until somebody used it (S9). */
  async successor(kind: string, predecessor: string): Promise<string | undefined> {
    const found = await this.find(`${kind}Successor`, predecessor);
    if (!found || found.expired) return undefined;
    const id = await openSuccessor(String(found.payload['sealed']), predecessor);
    const successor = await this.find(kind, id);
    return successor && successor.consumedAt === undefined ? id : undefined;
  }

  /** Keeps an artefact for good. */
  async keep(kind: string, id: string): Promise<void> {
    await this.#database.oidcArtifact.updateMany({
      where: { kind, idDigest: digest(id), expiresAt: { not: null } },
      data: { expiresAt: null },
    });
  }

  async destroy(kind: string, id: string): Promise<void> {
    await this.#database.oidcArtifact.deleteMany({ where: { kind, idDigest: digest(id) } });
  }

  /** Removes artefacts of one kind; the grant and its session stay. */
  async destroyByGrant(kind: string, grantId: string): Promise<void> {
    await this.#database.oidcArtifact.deleteMany({ where: { kind, grantDigest: digest(grantId) } });
  }

  /** Ends a grant, everything issued under it, and the agent session, in one transaction (S8). */
  async revokeGrant(grantId: string): Promise<void> {
    await this.#revoke(digest(grantId));
  }

  /** Ends an agent session and its grant. @returns false when it had ended already */
  async revokeSession(sid: string, reason: string): Promise<boolean> {
    const session = await this.#database.agentSession.findUnique({ where: { sid }, select: { grantDigest: true } });
    return session !== null && (await this.#revoke(session.grantDigest, reason));
  }

  async #revoke(grantDigest: string, endReason: string | null = null): Promise<boolean> {
    const [, { count }] = await this.#database.$transaction([
      this.#database.oidcArtifact.deleteMany({
        where: { OR: [{ grantDigest }, { kind: 'Grant', idDigest: grantDigest }] },
      }),
      this.#database.agentSession.updateMany({
        where: { grantDigest, endedAt: null },
        data: { endedAt: new Date(this.#clock()), endReason },
      }),
    ]);
    return count > 0;
  }

  #row(
    kind: string,
    id: string,
    payload: ArtifactPayload,
    { expiresInSeconds, grantId, uid }: ArtifactOptions,
  ): Prisma.OidcArtifactCreateManyInput {
    const idDigest = digest(id);
    const plaintext = Buffer.from(JSON.stringify(payload));
    if (plaintext.length > MAX_PAYLOAD_BYTES)
      throw new SallyportError('artifact_too_large', 'The request is too large.', {
        detail: { kind, bytes: plaintext.length },
      });
    return {
      kind,
      idDigest,
      payload: Uint8Array.from(this.#sealer.seal(PURPOSE, plaintext, boundTo({ kind, idDigest }))),
      grantDigest: grantId === undefined ? null : digest(grantId),
      uidDigest: uid === undefined ? null : digest(uid),
      expiresAt: expiresInSeconds === undefined ? null : new Date(this.#clock() + expiresInSeconds * 1000),
    };
  }

  #open(row: {
    kind: string;
    idDigest: string;
    payload: Uint8Array;
    expiresAt: Date | null;
    consumedAt: Date | null;
  }): StoredArtifact | undefined {
    const sinceExpiryMs = row.expiresAt ? this.#clock() - row.expiresAt.getTime() : -1;
    if (sinceExpiryMs > KEPT_AFTER_EXPIRY_MS) return undefined;
    const payload: ArtifactPayload = JSON.parse(this.#sealer.open(PURPOSE, row.payload, boundTo(row)).toString('utf8'));
    return {
      payload,
      consumedAt: row.consumedAt ? Math.floor(row.consumedAt.getTime() / 1000) : undefined,
      expired: sinceExpiryMs >= 0,
    };
  }
}

const valuesOf = ({
  kind,
  idDigest,
  payload,
  grantDigest,
  uidDigest,
  expiresAt,
}: Prisma.OidcArtifactCreateManyInput): Prisma.Sql =>
  Prisma.sql`(${kind}, ${idDigest}, ${payload}::bytea, ${grantDigest}::text, ${uidDigest}::text,
    ${expiresAt}::timestamptz)`;

/** How a grant is named in `AgentSession.grantDigest`. */
export const grantDigestOf = digest;
