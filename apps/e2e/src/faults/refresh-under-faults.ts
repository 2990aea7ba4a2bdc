import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigurationReplica } from '@sallyport/configuration';
import { PostgresConnectionStore } from '@sallyport/connection-store';
import { configuredTarget, openCredential, storeGrant } from '@sallyport/credential';
import { connectDatabase } from '@sallyport/database';
import { newId } from '@sallyport/kernel';
import { loadMasterKey, loadVerifyingKey, Sealer } from '@sallyport/keys';
import { createNatsMessaging, readNkeySeed } from '@sallyport/messaging';
import { eventually } from '@sallyport/testing';
import { exportJWK, generateKeyPair } from 'jose';
import { GATEWAY, startFleet } from './fleet.js';
import { judgeRefreshes, type StoredConnection, type Verdict } from './judge-refreshes.js';
import { AGENT, createLeaseAsker, SERVER } from './lease-load.js';
import { startSingleUseProvider } from './single-use-provider.js';

export interface RefreshFaultOptions {
  readonly connections: number;
  readonly seconds: number;
  /** How long the provider answers a repeat with the same successor; 0: it is good once. */
  readonly graceSeconds: number;
  readonly onProgress?: (line: string) => void;
}

export interface RefreshFaultReport extends Verdict {
  readonly kills: number;
  readonly leases: number;
}

const KILL_EVERY_MS = 700;
const SETTLE_MS = 90_000;
const PROVIDER = 'notes-per-user';

const configuration = (origin: string, clientId: string): string => `
kind: TrustProvider
name: company
spec: { displayName: Company, issuer: ${origin}, clientId: sallyport, claims: { subject: sub, email: email, name: name, groups: groups } }
---
kind: McpServer
name: ${SERVER}
spec: { title: Notes, url: ${origin}/mcp }
---
kind: CredentialProvider
name: ${PROVIDER}
spec: { type: mcp-user-oauth, server: ${SERVER}, client: { issuer: ${origin}, clientId: ${clientId} } }
---
kind: AccessPolicy
name: everybody
spec: { hop: client-to-gateway, trustProviders: [company], users: { trustProvider: company, groups: [everybody] } }
---
kind: AccessPolicy
name: notes-for-everybody
spec: { hop: gateway-to-server, server: ${SERVER}, users: { trustProvider: company, groups: [everybody] }, credentialProvider: ${PROVIDER}, tools: [{ match: ["*"], scope: notes.read }] }
---
kind: OutboundNetwork
name: default
spec: { allow: [{ host: 127.0.0.1, http: true }] }
`;

/**
 * Connections at a provider whose refresh tokens are good once and which loses answers, while our processes are killed
 * at random; then the faults end, and what is stored is held against the provider's log (B3, B4).
 */
export async function refreshUnderFaults({ connections, seconds, graceSeconds, onProgress = () => undefined }: RefreshFaultOptions): Promise<RefreshFaultReport> {
  const random = Math.random;
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const kid = 'at-faults';
  const provider = await startSingleUseProvider({ graceMs: graceSeconds * 1000, random, jwks: { keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }] } });
  const fleet = await startFleet({ configuration: configuration(provider.origin, provider.clientId), jwksUrl: `${provider.origin}/jwks` });
  const messaging = await createNatsMessaging({ servers: [fleet.natsUrl], name: GATEWAY, role: 'gateway', nkeySeed: await readNkeySeed(fleet.gatewaySeedFile) });
  const { publicKey: verifyKey } = await loadVerifyingKey(fleet.keys.configurationSigningPublic);
  const replica = new ConfigurationReplica({ log: messaging.configuration, verifyKey, clock: Date.now, stalenessBoundMs: 300_000, onProblem: () => undefined });
  const database = connectDatabase(fleet.databaseUrl);
  const store = new PostgresConnectionStore(database);
  const vault = new Sealer(loadMasterKey(fleet.keys.master));
  try {
    await replica.start();
    await replica.whenReady(20_000);
    const target = configuredTarget(replica.snapshot(), { server: SERVER, credentialProvider: PROVIDER });
    if (!target) throw new Error('the configuration names no target');

    const users = Array.from({ length: connections }, () => newId('usr'));
    const ids: string[] = [];
    const client = { issuer: provider.origin, clientId: provider.clientId, clientSecret: null, authentication: 'none' as const };
    provider.behaviour.accessTokenSeconds = Math.max(4, Math.ceil(connections / 20));
    for (const userId of users) {
      const { accessToken, value } = provider.grant(userId);
      const expiresAt = Date.now() + random() * provider.behaviour.accessTokenSeconds * 1000;
      const { id } = await storeGrant({ userId, target, resource: `${provider.origin}/mcp`, tokenEndpoint: `${provider.origin}/token`, revocationEndpoint: null, client, requestedScopes: [], tokens: { accessToken, refreshToken: value, expiresAt, scopes: null } }, { store, vault, clock: Date.now, random });
      ids.push(id);
    }
    await database.connectionConsent.createMany({ data: users.map((userId) => ({ userId, clientId: AGENT, server: SERVER })) });
    onProgress(`${connections} connections; killing for ${seconds} s`);

    const problems: string[] = [];
    let [leases, isOver] = [0, false];
    const ask = await createLeaseAsker({ messaging, keys: fleet.keys, snapshot: () => replica.snapshot(), targetOrigin: provider.origin, agentKey: { kid, privateKey } });
    const lease = async (): Promise<void> => {
      while (!isOver) {
        const userId = users[Math.floor(random() * users.length)] ?? '';
        const accessToken = await ask(userId);
        if (accessToken === undefined) continue;
        leases += 1;
        if (provider.ownerOf(accessToken) !== userId) problems.push(`${userId}: was leased a credential of ${provider.ownerOf(accessToken)}`);
      }
    };
    const kill = async (): Promise<void> => {
      while (!isOver) {
        await sleep(random() * 2 * KILL_EVERY_MS);
        if (!isOver) await fleet.killOne(random);
      }
    };
    const load = Promise.all([lease(), lease(), lease(), kill(), kill()]);
    await Promise.race([sleep(seconds * 1000).then(() => eventually(() => leases > 0, { timeoutMs: SETTLE_MS, until: 'a credential was leased' })), load]).finally(() => (isOver = true));
    await load;

    // All dead at once; whoever held a lock will not come back, so its time may as well be over. Faults end, all is due.
    await fleet.killAll();
    await eventually(() => provider.inFlight() === 0, { timeoutMs: 10_000 });
    Object.assign(provider.behaviour, { lostShare: 0, unavailableShare: 0, accessTokenSeconds: 3600 });
    await database.connection.updateMany({ data: { refreshLockOwner: null, refreshLockUntil: null } });
    await database.connection.updateMany({ where: { state: { not: 'needs_reconnect' } }, data: { refreshDueAt: new Date() } });
    const before = new Map((await store.list({ limit: connections })).map(({ id, revision }) => [id, revision]));
    onProgress(`${fleet.killedAt.length} kills, ${leases} leases; settling`);
    await fleet.startAll();
    await eventually(async () => (await store.list({ limit: connections })).every(({ id, state, revision }) => state === 'needs_reconnect' || revision > (before.get(id) ?? 0)), { timeoutMs: SETTLE_MS, intervalMs: 250, until: 'every connection was refreshed or is lost' });

    const stored: StoredConnection[] = [];
    for (const id of ids) {
      const connection = await store.find(id);
      if (!connection?.userId) {
        problems.push(`${id}: is gone`);
        continue;
      }
      const { refreshToken, accessToken } = openCredential(vault, connection);
      stored.push({ owner: connection.userId, state: connection.state, refreshToken, accessToken });
    }
    const verdict = judgeRefreshes(stored, provider.log, { killedAt: fleet.killedAt, graceMs: graceSeconds * 1000 });
    return { ...verdict, problems: [...problems, ...verdict.problems], kills: fleet.killedAt.length, leases };
  } finally {
    await replica.stop();
    await messaging.close();
    await database.$disconnect();
    await fleet.stop();
    await provider.stop();
  }
}
