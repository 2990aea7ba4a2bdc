import type { VaultRotation } from '@sallyport/admin-api';
import { PostgresConnectionStore } from '@sallyport/connection-store';
import { openCredential } from '@sallyport/connection';
import { connectDatabase, type Database } from '@sallyport/database';
import { newId } from '@sallyport/kernel';
import { eventually } from '@sallyport/testing';
import { Vault, VAULT_LOOK_MS } from '@sallyport/vault';
import { exportJWK, generateKeyPair } from 'jose';
import { startFleet } from './fleet.js';
import { connectAsGateway, storeFirstGrant, type GatewaySide } from './gateway-side.js';
import { AGENT, createLeaseAsker } from './lease-load.js';
import { configuration } from './refresh-under-faults.js';
import { digestOf, startSingleUseProvider, type SingleUseProvider } from './single-use-provider.js';

export interface RotationReport {
  readonly problems: readonly string[];
  readonly connections: number;
  /** Asked for while the rotation ran. */
  readonly leases: number;
  readonly slowestLeaseMs: number;
  readonly refreshes: number;
  /** From the request until every record was sealed with the new key; the notice before it seals is part of it. */
  readonly seconds: number;
  readonly sealingSeconds: number;
}

const SERVER = 'notes';
const SEEDERS = 8;
const ASKERS = 4;
const ROTATION_MS = 900_000;
/** One in so many is due while the rotation runs: a refresh and a rotation meet in the same row. */
const REFRESHED_SHARE = 0.02;
const SOON_MS = 60_000;

/**
 * A rotation of the vault's key over so many connections, while credentials are leased and refreshed: none may fail
 * (B1).
 */
export async function rotateUnderTraffic({
  connections,
  onProgress = () => undefined,
}: {
  connections: number;
  onProgress?: (line: string) => void;
}): Promise<RotationReport> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const kid = 'at-rotation';
  const provider = await startSingleUseProvider({
    graceMs: 30_000,
    random: Math.random,
    accessTokenSeconds: 3_600,
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }] },
  });
  Object.assign(provider.behaviour, { lostShare: 0, unavailableShare: 0, mistakenShare: 0, maxDelayMs: 20 });
  const fleet = await startFleet({
    configuration: configuration([{ server: SERVER, provider }]),
    jwksUrl: `${provider.origin}/jwks`,
  });
  const database = connectDatabase(fleet.databaseUrl);
  const problems: string[] = [];
  const vault = await Vault.open(
    { masterKeyFile: fleet.keys.master },
    { database, clock: Date.now, onProblem: (what) => void problems.push(what) },
  );
  const looking = setInterval(() => void vault.look(), VAULT_LOOK_MS);
  const store = new PostgresConnectionStore(database, vault);
  let gateway: GatewaySide | undefined;
  try {
    const { snapshot, messaging } = (gateway = await connectAsGateway(fleet));
    const users = Array.from({ length: connections }, () => newId('usr'));
    const waiting = users.values();
    const seed = async (): Promise<void> => {
      for (const userId of waiting) {
        const expiresAt = Date.now() + (Math.random() < REFRESHED_SHARE ? SOON_MS : 3_600_000);
        await storeFirstGrant({ userId, server: SERVER, provider, expiresAt }, snapshot(), {
          store,
          vault: vault.sealer,
          clock: Date.now,
          random: Math.random,
        });
      }
    };
    await Promise.all(Array.from({ length: SEEDERS }, seed));
    await database.$executeRaw`INSERT INTO "ConnectionConsent" ("userId", "clientId", server) SELECT "userId", ${AGENT}, ${SERVER} FROM "Connection"`;
    await database.$executeRawUnsafe('ANALYZE "Connection"');
    onProgress(`${connections} connections stored; rotating`);

    let isOver = false;
    let [leases, slowestLeaseMs] = [0, 0];
    const leased: { userId: string; accessDigest: string }[] = [];
    const ask = await createLeaseAsker({
      messaging,
      keys: fleet.keys,
      snapshot,
      agentKey: { kid, privateKey },
      onFailure: (reason) => void problems.push(`a lease failed: ${reason}`),
    });
    const lease = async (): Promise<void> => {
      while (!isOver) {
        const userId = users[Math.floor(Math.random() * users.length)] ?? '';
        const begun = performance.now();
        const accessToken = await ask({ userId, server: SERVER, targetOrigin: provider.origin });
        leases += 1;
        slowestLeaseMs = Math.max(slowestLeaseMs, Math.round(performance.now() - begun));
        if (accessToken !== undefined) leased.push({ userId, accessDigest: digestOf(accessToken) });
      }
    };
    const load = Promise.all(Array.from({ length: ASKERS }, lease));
    const begun = Date.now();
    let sealingSince = 0;
    const rotating = async (): Promise<VaultRotation> => {
      const asked = await fleet.admin().rotateVaultKey({ body: {} });
      const next = asked.keys.find(({ state }) => state === 'next')?.id;
      let told = '';
      return eventually(
        async () => {
          const status = await fleet.admin().readVaultRotation();
          if (sealingSince === 0 && status.keys.some(({ id, state }) => id === next && state === 'sealing'))
            sealingSince = Date.now();
          const line = `${status.total - status.remaining} of ${status.total} sealed with ${sealingSince === 0 ? 'the key before' : 'the new key'}`;
          if (line !== told) onProgress((told = line));
          return sealingSince > 0 && status.isComplete ? status : undefined;
        },
        { timeoutMs: ROTATION_MS, intervalMs: 1_000, until: 'every record was sealed with the new key' },
      );
    };
    const status = await rotating().finally(() => (isOver = true));
    const seconds = Math.round((Date.now() - begun) / 1000);
    const sealingSeconds = Math.round((Date.now() - sealingSince) / 1000);
    await load;

    // Refreshes come to rest; then every one of them opens, with the newest token its provider gave.
    await eventually(
      async () =>
        (await database.connection.count({
          where: { accessExpiresAt: { lt: new Date(Date.now() + 2 * SOON_MS) } },
        })) === 0,
      { timeoutMs: ROTATION_MS, intervalMs: 1_000, until: 'what was due is refreshed' },
    );
    await vault.look();
    const ownerOf = new Map([...provider.log.values()].map(({ accessDigest, owner }) => [accessDigest, owner]));
    for (const { userId, accessDigest } of leased)
      if (ownerOf.get(accessDigest) !== userId) problems.push('a lease held the credential of somebody else');
    const refreshes = await judgeConnections({ database, store, vault, provider, ownerOf, problems });
    const left = status.keys.filter(({ state, records }) => state === 'retired' && Object.keys(records).length > 0);
    if (left.length > 0) problems.push('a retired key still has records');
    return { problems, connections, leases, slowestLeaseMs, refreshes, seconds, sealingSeconds };
  } finally {
    await gateway?.close();
    clearInterval(looking);
    await database.$disconnect();
    await fleet.stop();
    await provider.stop();
  }
}

/** Each opens with the newest token its provider gave. @returns how many were refreshed */
async function judgeConnections({
  database,
  store,
  vault,
  provider,
  ownerOf,
  problems,
}: {
  database: Database;
  store: PostgresConnectionStore;
  vault: Vault;
  provider: SingleUseProvider;
  ownerOf: ReadonlyMap<string, string>;
  problems: string[];
}): Promise<number> {
  const page = (after: string): Promise<{ id: string }[]> =>
    database.connection.findMany({
      where: { id: { gt: after } },
      select: { id: true },
      orderBy: { id: 'asc' },
      take: 1_000,
    });
  let [after, refreshes] = ['', 0];
  for (let rows = await page(after); rows.length > 0; rows = await page(after)) {
    for (const { id } of rows) {
      after = id;
      const connection = await store.find(id);
      if (!connection?.userId) {
        problems.push('a connection is gone');
        continue;
      }
      const { accessToken, refreshToken } = openCredential(vault.sealer, connection);
      if (connection.revision > 1) refreshes += 1;
      if (provider.log.get(digestOf(refreshToken ?? ''))?.successor)
        problems.push('a connection holds a refresh token that was spent');
      if (ownerOf.get(digestOf(accessToken)) !== connection.userId)
        problems.push('a connection holds the credential of somebody else');
      if (connection.state !== 'connected') problems.push(`a connection is ${connection.state}`);
    }
  }
  return refreshes;
}
