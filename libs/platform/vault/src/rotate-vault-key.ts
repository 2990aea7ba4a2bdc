import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import { countKeyUses, keysInUse } from './key-usage.js';
import { VAULT_LOOK_MS, type Vault } from './vault.js';

export interface RotationContext {
  readonly vault: Vault;
  readonly database: Database;
  readonly clock: Clock;
  /** Milliseconds from the making of a key until it seals: long enough for every process to have read it. */
  readonly noticeMs?: number;
}

/** `next` will seal soon, `sealing` seals now, `retired` only opens. */
export type VaultKeyState = 'next' | 'sealing' | 'retired';
export interface ListedVaultKey {
  readonly id: string;
  readonly state: VaultKeyState;
  /** The name of the wrapper; null for a key of the key file itself. */
  readonly wrappedBy: string | null;
  readonly createdAt: Date | null;
  readonly sealsFrom: Date | null;
  /** How many records of each table the key sealed. */
  readonly records: Readonly<Record<string, number>>;
  /** True when no record needs the key and every link and cookie it sealed has expired. */
  readonly isRemovable: boolean;
}
export interface RotationStatus {
  readonly keys: readonly ListedVaultKey[];
  readonly total: number;
  /** Records that the sealing key has not sealed yet. */
  readonly remaining: number;
  readonly isComplete: boolean;
}

const NOTICE_MS = 5 * VAULT_LOOK_MS;
/** The longest life of a sealed value outside the database: of links and cookies. */
const HANDED_OUT_MS = 3_600_000;

/**
 * Makes a key that begins to seal after `noticeMs`, unless one is waiting already. Each process then seals its records
 * anew; {@link rotationStatus} tells how far they are.
 * @returns the id of the new key; undefined when one was waiting already
 */
export async function rotateVaultKey({
  vault,
  clock,
  noticeMs = NOTICE_MS,
}: RotationContext): Promise<{ created: string | undefined }> {
  await vault.look();
  await vault.rewrap();
  const now = clock();
  return { created: await vault.make(new Date(now + noticeMs), new Date(now)) };
}

export async function rotationStatus({ vault, database, clock }: RotationContext): Promise<RotationStatus> {
  await vault.look();
  const uses = await countKeyUses(database);
  const sealing = vault.sealer.currentKeyId;
  const records = vault.rows.filter(({ purpose }) => purpose === 'records');
  const sealingSince = records.find(({ id }) => id === sealing)?.sealsFrom.getTime();
  const wrapping = new Set(vault.rows.map(({ wrappedBy }) => wrappedBy));
  const describe = (id: string, row: (typeof records)[number] | undefined): ListedVaultKey => {
    const own = uses.filter(({ keyId }) => keyId === id);
    const state = id === sealing ? 'sealing' : row && row.sealsFrom.getTime() > clock() ? 'next' : 'retired';
    const isRemovable =
      state === 'retired' &&
      own.length === 0 &&
      sealingSince !== undefined &&
      clock() - sealingSince >= HANDED_OUT_MS &&
      !wrapping.has(`file:${id}`);
    return {
      id,
      state,
      wrappedBy: row?.wrappedBy ?? null,
      createdAt: row?.createdAt ?? null,
      sealsFrom: row?.sealsFrom ?? null,
      records: Object.fromEntries(own.map(({ table, records: count }) => [table, count])),
      isRemovable,
    };
  };
  const unknown = uses
    .map(({ keyId }) => keyId)
    .filter((id) => !vault.fileKeyIds.includes(id) && !records.some((row) => row.id === id));
  const keys = [
    ...records.toReversed().map((row) => describe(row.id, row)),
    ...[...new Set([...vault.fileKeyIds, ...unknown])].map((id) => describe(id, undefined)),
  ];
  const total = uses.reduce((sum, { records: count }) => sum + count, 0);
  const remaining = uses.filter(({ keyId }) => keyId !== sealing).reduce((sum, { records: count }) => sum + count, 0);
  return { keys, total, remaining, isComplete: remaining === 0 && !keys.some(({ state }) => state === 'next') };
}

export type RemovalResult =
  | { outcome: 'removed' }
  | { outcome: 'unknown_key' }
  | { outcome: 'in_use'; key: ListedVaultKey };

/** Removes a retired key that nothing needs. A key of the key file is unknown here: an operator edits the file. */
export async function removeVaultKey(id: string, context: RotationContext): Promise<RemovalResult> {
  const key = (await rotationStatus(context)).keys.find((one) => one.id === id && one.wrappedBy !== null);
  if (!key) return { outcome: 'unknown_key' };
  if (!key.isRemovable || (await keysInUse(context.database)).has(id)) return { outcome: 'in_use', key };
  await context.vault.table.remove(id);
  await context.vault.look();
  return { outcome: 'removed' };
}
