import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectDatabase, type Database } from '@sallyport/database';
import { Secret } from '@sallyport/kernel';
import { masterKeyId, Sealer } from '@sallyport/keys';
import { makeScratch, removeScratch, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  createResealing,
  openVault,
  removeVaultKey,
  resealRecords,
  rotateVaultKey,
  rotationStatus,
  sealedColumn,
  sealedPlaces,
  Vault,
  vaultSettings,
  vaultVariables,
  type KeyWrapper,
} from './index.js';
import { KeyFileWrapper } from './key-file-wrapper.js';
import { keyWrapperError } from './key-wrapper.js';
import { startLocalVaultTransit } from './testing/local-vault-transit.js';

const scratch = makeScratch('vault');
let postgres: TestPostgres;
let database: Database;
let now = Date.UTC(2026, 0, 1);
const clock = () => now;
const problems: string[] = [];
const secretColumn = sealedColumn('StoredSecret', 'stored-secret', z.object({ name: z.string() }), ({ name }) => name);

beforeAll(async () => {
  postgres = await startTestPostgres();
  database = connectDatabase(postgres.url);
});
afterAll(async () => {
  await database.$disconnect();
  await postgres.stop();
  removeScratch(scratch);
});
beforeEach(async () => {
  problems.length = 0;
  await database.storedSecret.deleteMany();
  await database.oidcArtifact.deleteMany();
  await database.vaultKey.deleteMany();
});

const newKey = () => new Secret<Uint8Array>(randomBytes(32));
let files = 0;
const keyFile = (...keys: Secret<Uint8Array>[]): string => {
  const path = join(scratch, `master-${(files += 1)}.key`);
  writeFileSync(path, keys.map((key) => `${Buffer.from(key.reveal()).toString('base64url')}\n`).join(''), {
    mode: 0o600,
  });
  return path;
};
const open = async (masterKeyFile: string | null, wrappers: KeyWrapper[] = []) => {
  const vault = await Vault.open(
    { masterKeyFile, wrappers },
    { database, clock, onProblem: (what) => void problems.push(what) },
  );
  return vault;
};

const put = async (sealer: Sealer, name: string, value: string) => {
  const sealed = Uint8Array.from(sealer.seal('stored-secret', value, name));
  await database.storedSecret.upsert({ where: { name }, create: { name, sealed }, update: { sealed } });
};
const read = async (sealer: Sealer, name: string) =>
  sealer
    .open('stored-secret', (await database.storedSecret.findUniqueOrThrow({ where: { name } })).sealed, name)
    .toString();
const reseal = (vault: Vault, pause: () => Promise<void> = () => Promise.resolve()) =>
  resealRecords(secretColumn, {
    database,
    sealer: vault.sealer,
    onProblem: (what) => void problems.push(what),
    pause,
    isOver: () => false,
  });
const everything = () => database.storedSecret.findMany({ orderBy: { name: 'asc' } });

/** Bytes that nobody seals: a wrapped key, and digests of events. */
const UNSEALED = new Set(['VaultKey.wrapped', 'Event.digest', 'AuditCheckpoint.entries']);

test('every column of bytes in the schema is one a rotation knows, with an index on the key id (B1)', async () => {
  const schema = readFileSync(join(import.meta.dirname, '../../../../prisma/schema.prisma'), 'utf8');
  const columns = [...schema.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)].flatMap(([, model, body]) =>
    [...(body ?? '').matchAll(/^\s+(\w+)\s+Bytes/gm)].map(([, column]) => `${model}.${column}`),
  );
  expect(columns.filter((one) => !UNSEALED.has(one)).toSorted()).toEqual(
    Object.entries(sealedPlaces).map(([table, { column }]) => `${table}.${column}`),
  );
  const indexes = await database.$queryRaw<
    { indexdef: string }[]
  >`SELECT indexdef FROM pg_indexes WHERE indexname LIKE '%_sealedBy_idx'`;
  for (const [table, { column, primaryKey }] of Object.entries(sealedPlaces))
    expect(
      indexes.some(
        ({ indexdef }) =>
          indexdef.includes(`"${table}"`) &&
          indexdef.includes(column) &&
          primaryKey.every((part) => indexdef.includes(part)),
      ),
    ).toBe(true);
});

describe('a start', () => {
  test("with a key file alone makes no key: the file's own seals until the first rotation (B1)", async () => {
    const key = newKey();
    const vault = await open(keyFile(key));
    expect(vault.sealer.currentKeyId).toBe(masterKeyId(key));
    expect(await database.vaultKey.count()).toBe(0);
  });

  test('of two processes agrees on the secret that cookies come from, whatever becomes of the key file (S31)', async () => {
    const [first, second] = [newKey(), newKey()];
    const [a, b] = await Promise.all([open(keyFile(first)), open(keyFile(first))]);
    const secrets = await Promise.all([a.derivationSecret(), b.derivationSecret()]);
    expect(Buffer.from(secrets[0].reveal()).equals(secrets[1].reveal())).toBe(true);
    const later = await open(keyFile(second, first));
    expect(Buffer.from((await later.derivationSecret()).reveal()).equals(secrets[0].reveal())).toBe(true);
  });

  test('with another key than what is stored was sealed with is one clear line that names the key, and changes nothing (B1)', async () => {
    const key = newKey();
    await put(new Sealer(key), 'a', 'value');
    const before = await everything();
    await expect(open(keyFile(newKey()))).rejects.toMatchObject({
      code: 'vault_key_missing',
      message: expect.stringMatching(
        new RegExp(`StoredSecret.*vault key ${masterKeyId(key)}.*Nothing was changed.*key file`),
      ),
    });
    expect(await everything()).toEqual(before);
    expect(await database.vaultKey.count()).toBe(0);
    expect(await read((await open(keyFile(newKey(), key))).sealer, 'a')).toBe('value');
  });

  test('without any key, or with a key file that is not there, says so (B1)', async () => {
    await expect(open(null)).rejects.toMatchObject({
      code: 'vault_key_missing',
      message: expect.stringContaining('SALLYPORT_MASTER_KEY_FILE'),
    });
    await expect(open(join(scratch, 'none.key'))).rejects.toMatchObject({ code: 'key_unreadable' });
  });

  test('without the file key that wrapped the key in use says which is needed, and loses nothing (B1)', async () => {
    const key = newKey();
    const vault = await open(keyFile(key));
    await rotateVaultKey({ vault, database, clock, noticeMs: 0 });
    await vault.look();
    await put(vault.sealer, 'a', 'value');
    const before = await everything();
    await expect(open(keyFile(newKey()))).rejects.toMatchObject({
      code: 'vault_key_unusable',
      message: expect.stringMatching(
        new RegExp(`${vault.sealer.currentKeyId}.*wrapped by file:${masterKeyId(key)}.*Nothing was changed`),
      ),
    });
    expect(await everything()).toEqual(before);
    expect(await database.vaultKey.count()).toBe(1);
  });

  test('notices a wrapped key that somebody put in the place of another (S22)', async () => {
    const key = newKey();
    const vault = await open(keyFile(key));
    await rotateVaultKey({ vault, database, clock, noticeMs: 0 });
    const [row] = await database.vaultKey.findMany();
    const planted = await new KeyFileWrapper(newKey()).wrap(randomBytes(32), {
      product: 'sallyport',
      purpose: 'vault-records',
      key: row?.id ?? '',
    });
    await database.vaultKey.updateMany({ data: { wrapped: Uint8Array.from(planted) } });
    await expect(open(keyFile(key))).rejects.toMatchObject({ code: 'vault_key_unusable' });
    // Even whoever may use the wrapping key cannot pass one key off as another.
    const honest = await new KeyFileWrapper(key).wrap(randomBytes(32), {
      product: 'sallyport',
      purpose: 'vault-records',
      key: row?.id ?? '',
    });
    await database.vaultKey.updateMany({ data: { wrapped: Uint8Array.from(honest) } });
    await expect(open(keyFile(key))).rejects.toMatchObject({
      code: 'vault_key_unusable',
      message: expect.stringContaining('another key was wrapped in its place'),
    });
  });

  test('with a KMS makes one first key, of however many processes, and asks it for no record (B1)', async () => {
    let calls = 0;
    const inner = new KeyFileWrapper(newKey());
    const starts = 8;
    let waiting = 0;
    const all = Promise.withResolvers<void>();
    const kms: KeyWrapper = {
      name: 'kms:test',
      async wrap(key, context) {
        // All have found that there is no key before one of them adds it.
        if ((waiting += 1) === starts) all.resolve();
        await all.promise;
        return inner.wrap(key, context);
      },
      unwrap: (wrapped, context) => ((calls += 1), inner.unwrap(wrapped, context)),
    };
    const vaults = await Promise.all(Array.from({ length: starts }, () => open(null, [kms])));
    expect(await database.vaultKey.findMany({ select: { purpose: true, wrappedBy: true } })).toEqual([
      { purpose: 'records', wrappedBy: 'kms:test' },
    ]);
    expect(new Set(vaults.map(({ sealer }) => sealer.currentKeyId)).size).toBe(1);
    const before = calls;
    for (let index = 0; index < 50; index++)
      await put(vaults[index % starts]?.sealer ?? expect.fail(), `s${index}`, 'v');
    expect(await read(vaults.at(-1)?.sealer ?? expect.fail(), 's0')).toBe('v');
    expect(calls).toBe(before);
  });

  test('is configured with the name of a key alone, and needs no key file then (B1)', async () => {
    const kms = await startLocalVaultTransit();
    const environment = z
      .object(vaultVariables())
      .parse({ SALLYPORT_VAULT_KEYS: kms.key, SALLYPORT_VAULT_TOKEN_FILE: kms.tokenFile });
    const start = async () => {
      const vault = await openVault(vaultSettings(environment, []), {
        database,
        clock,
        onProblem: (what) => void problems.push(what),
      });
      return vault;
    };
    await put((await start()).sealer, 'a', 'value');
    expect(await database.vaultKey.findMany({ select: { wrappedBy: true } })).toEqual([{ wrappedBy: kms.key }]);
    expect(await read((await start()).sealer, 'a')).toBe('value');
    kms.behaviour.isBroken = true;
    await expect(start()).rejects.toMatchObject({
      code: 'vault_key_unusable',
      message: expect.stringContaining('does not answer'),
    });
    await kms.stop();
  });

  test('with a KMS, and without the file key that sealed what is stored, makes no key before it refuses (B1)', async () => {
    const key = newKey();
    await put(new Sealer(key), 'a', 'value');
    const kms = Object.assign(new KeyFileWrapper(newKey()), { name: 'kms:test' });
    await expect(open(null, [kms])).rejects.toMatchObject({
      code: 'vault_key_missing',
      message: expect.stringMatching(
        new RegExp(`vault key ${masterKeyId(key)}.*this process has none\\. Nothing was changed`),
      ),
    });
    expect(await database.vaultKey.count()).toBe(0);
  });

  test('while the KMS refuses says so, and goes on with nothing (B1)', async () => {
    const inner = new KeyFileWrapper(newKey());
    let isDisabled = false;
    const kms: KeyWrapper = {
      name: 'kms:test',
      wrap: (key, context) => inner.wrap(key, context),
      unwrap: (wrapped, context) =>
        isDisabled
          ? Promise.reject(keyWrapperError('wrapping_key_unusable', 'kms:test'))
          : inner.unwrap(wrapped, context),
    };
    await put((await open(null, [kms])).sealer, 'a', 'value');
    isDisabled = true;
    await expect(open(null, [kms])).rejects.toMatchObject({
      code: 'vault_key_unusable',
      message: expect.stringMatching(/kms:test cannot be used.*Nothing was changed/),
    });
    isDisabled = false;
    expect(await read((await open(null, [kms])).sealer, 'a')).toBe('value');
  });
});

describe('a rotation', () => {
  test('is known to every process before anything is sealed with it, and reaches every record by itself (B1)', async () => {
    const key = newKey();
    const [one, other] = [await open(keyFile(key)), await open(keyFile(key))];
    for (let index = 0; index < 450; index++) await put(one.sealer, `s${index}`, `v${index}`);
    const context = { vault: one, database, clock, noticeMs: 15_000 };
    const { created } = await rotateVaultKey(context);
    expect(await rotateVaultKey(context)).toEqual({ created: undefined });
    expect(await rotationStatus(context)).toMatchObject({
      total: 450,
      remaining: 0,
      isComplete: false,
      keys: [
        { id: created, state: 'next' },
        { id: masterKeyId(key), state: 'sealing', records: { StoredSecret: 450 } },
      ],
    });
    await other.look();
    expect(other.sealer.currentKeyId).toBe(masterKeyId(key));
    now += 15_000;
    await one.look();
    expect(one.sealer.currentKeyId).toBe(created);
    await put(one.sealer, 'fresh', 'by the first');
    expect(await read(other.sealer, 'fresh')).toBe('by the first');
    expect((await rotationStatus(context)).remaining).toBe(450);

    const progress: number[] = [];
    const reseal = createResealing({
      vault: one,
      database,
      columns: [secretColumn],
      onProblem: (what) => void problems.push(what),
      onProgress: (_table, resealed) => void progress.push(resealed),
    });
    await reseal(new AbortController().signal);
    expect((await rotationStatus(context)).isComplete).toBe(true);
    expect(progress).toEqual([450]);
    expect(problems).toEqual([]);
    for (const name of ['s0', 's449']) expect(await read(other.sealer, name)).toBe(name.replace('s', 'v'));
  });

  test('stopped in the middle is taken up where it was, by whoever comes (B1)', async () => {
    const key = newKey();
    const vault = await open(keyFile(key));
    for (let index = 0; index < 500; index++) await put(vault.sealer, `s${String(index).padStart(3, '0')}`, 'v');
    await rotateVaultKey({ vault, database, clock, noticeMs: 0 });
    await vault.look();
    const died = reseal(vault, () => Promise.reject(new Error('killed')));
    await expect(died).rejects.toThrow('killed');
    expect((await rotationStatus({ vault, database, clock })).remaining).toBe(300);
    expect(await reseal(await open(keyFile(key)))).toBe(300);
    expect((await rotationStatus({ vault, database, clock })).remaining).toBe(0);
  });

  test('overwrites nothing that is written meanwhile, waits for nobody, and leaves what does not open (B1)', async () => {
    const vault = await open(keyFile(newKey()));
    for (const name of ['altered', 'busy', 'plain']) await put(vault.sealer, name, 'before');
    await database.storedSecret.update({
      where: { name: 'altered' },
      data: { sealed: Uint8Array.from(vault.sealer.seal('stored-secret', 'moved', 'another row')) },
    });
    await rotateVaultKey({ vault, database, clock, noticeMs: 0 });
    await vault.look();
    const altered = await database.storedSecret.findUniqueOrThrow({ where: { name: 'altered' } });
    await database.$transaction(async (transaction) => {
      await transaction.storedSecret.update({
        where: { name: 'busy' },
        data: { sealed: Uint8Array.from(vault.sealer.seal('stored-secret', 'after', 'busy')) },
      });
      expect(await reseal(vault)).toBe(1);
    });
    expect(await read(vault.sealer, 'busy')).toBe('after');
    expect(await read(vault.sealer, 'plain')).toBe('before');
    expect(await database.storedSecret.findUniqueOrThrow({ where: { name: 'altered' } })).toEqual(altered);
    expect(problems).toEqual([
      'StoredSecret altered could not be sealed with the current vault key and stays as it is',
    ]);
  });

  test('goes through a table with a key of several columns (B1)', async () => {
    const vault = await open(keyFile(newKey()));
    const bound = ({ kind, idDigest }: { kind: string; idDigest: string }) => `${kind}/${idDigest}`;
    const column = sealedColumn(
      'OidcArtifact',
      'oidc-artifact',
      z.object({ kind: z.string(), idDigest: z.string() }),
      bound,
    );
    const ids = Array.from({ length: 450 }, (_, index) => ({ kind: `k${index % 3}`, idDigest: `d${index}` }));
    await database.oidcArtifact.createMany({
      data: ids.map((id) => ({
        ...id,
        payload: Uint8Array.from(vault.sealer.seal('oidc-artifact', bound(id), bound(id))),
      })),
    });
    await rotateVaultKey({ vault, database, clock, noticeMs: 0 });
    await vault.look();
    expect(
      await resealRecords(column, {
        database,
        sealer: vault.sealer,
        onProblem: (what) => void problems.push(what),
        pause: () => Promise.resolve(),
        isOver: () => false,
      }),
    ).toBe(450);
    for (const row of await database.oidcArtifact.findMany())
      expect(vault.sealer.open('oidc-artifact', row.payload, bound(row)).toString()).toBe(bound(row));
  });

  test('lets an old key go only when nothing refers to it and what it sealed elsewhere has expired (B1)', async () => {
    const key = newKey();
    const vault = await open(keyFile(key));
    const context = { vault, database, clock, noticeMs: 0 };
    const { created: first = '' } = await rotateVaultKey(context);
    await vault.look();
    await put(vault.sealer, 'a', 'value');
    expect(await removeVaultKey(first, context)).toMatchObject({ outcome: 'in_use' });
    now += 1;
    await rotateVaultKey(context);
    await vault.look();
    now += 3_600_000;
    expect(await removeVaultKey(first, context)).toMatchObject({
      outcome: 'in_use',
      key: { records: { StoredSecret: 1 }, isRemovable: false },
    });
    await reseal(vault);
    now -= 1;
    expect(await removeVaultKey(first, context)).toMatchObject({ outcome: 'in_use' });
    now += 1;
    expect(await removeVaultKey(first, context)).toEqual({ outcome: 'removed' });
    expect(await removeVaultKey(first, context)).toEqual({ outcome: 'unknown_key' });
    expect(vault.sealer.keyIds).not.toContain(first);
    expect(await read(vault.sealer, 'a')).toBe('value');
  });

  test('moves the wrapped keys to the current file key or KMS key, so that the old one is needed no more (B1)', async () => {
    const [old, next] = [newKey(), newKey()];
    const vault = await open(keyFile(old));
    await vault.derivationSecret();
    await rotateVaultKey({ vault, database, clock, noticeMs: 0 });
    await vault.look();
    await put(vault.sealer, 'a', 'value');
    now += 1;
    const both = await open(keyFile(next, old));
    await rotateVaultKey({ vault: both, database, clock, noticeMs: 0 });
    expect((await database.vaultKey.findMany()).map(({ wrappedBy }) => wrappedBy)).toEqual(
      Array.from({ length: 3 }, () => `file:${masterKeyId(next)}`),
    );
    expect(await read((await open(keyFile(next))).sealer, 'a')).toBe('value');
  });

  test('is learned of by whoever reads a record before it looked (B1)', async () => {
    const key = newKey();
    const [one, other] = [await open(keyFile(key)), await open(keyFile(key))];
    await rotateVaultKey({ vault: one, database, clock, noticeMs: 0 });
    await one.look();
    const sealed = one.sealer.seal('p', 'value', 'x');
    expect(() => other.sealer.open('p', sealed, 'x')).toThrow(expect.objectContaining({ code: 'sealed_key_unknown' }));
    await other.learnKeyOf(sealed);
    expect(other.sealer.open('p', sealed, 'x').toString()).toBe('value');
  });
});
