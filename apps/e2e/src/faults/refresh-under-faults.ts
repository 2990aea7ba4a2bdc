import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigurationReplica } from '@sallyport/configuration';
import { PostgresConnectionStore } from '@sallyport/connection-store';
import { configuredTarget, storeGrant, type ConnectionSummary } from '@sallyport/credential';
import { connectDatabase } from '@sallyport/database';
import { newId, type UserId } from '@sallyport/kernel';
import { loadMasterKey, loadVerifyingKey, Sealer } from '@sallyport/keys';
import { createNatsMessaging, readNkeySeed } from '@sallyport/messaging';
import { eventually } from '@sallyport/testing';
import { exportJWK, generateKeyPair } from 'jose';
import { GATEWAY, startFleet } from './fleet.js';
import { judgeRefreshes, type Evidence, type Verdict } from './judge-refreshes.js';
import { AGENT, createLeaseAsker } from './lease-load.js';
import { readJournal, startJournal } from './refresh-journal.js';
import { digestOf, startSingleUseProvider, type SingleUseProvider } from './single-use-provider.js';

export interface RefreshFaultOptions {
  readonly connections: number;
  readonly seconds: number;
  /** A provider for each, among which the connections are divided: how long it answers a repeat with the same successor; 0: a token is good once. */
  readonly graceSeconds: readonly number[];
  /** Pauses after failures are brought forward when faults have ended, so that a short run is short. Nothing else is helped. */
  readonly bringsPausesForward?: boolean;
  readonly onProgress?: (line: string) => void;
}

export interface RefreshFaultReport {
  /** In the order of `graceSeconds`. */
  readonly verdicts: readonly (Verdict & { readonly graceSeconds: number; readonly connections: number })[];
  readonly kills: number;
  readonly leases: number;
  /** From the end of faults and kills until every connection was refreshed again or is lost. */
  readonly healedAfterSeconds: number;
}

const KILL_EVERY_MS = 700;
/** A slow machine goes on until then. */
const MIN_KILLS = 6;
/** Lock, a job's own time and the longest pause after a few failures together. */
const HEAL_MS = 120_000;
/** Tokens of then are not due before all is judged. */
const CALM_SECONDS = 3_600;

/** A server with an authorization server of its own, and the users who are connected there. */
interface Place {
  readonly server: string;
  readonly graceSeconds: number;
  readonly provider: SingleUseProvider;
  readonly users: readonly UserId[];
}

export const configuration = (places: readonly Pick<Place, 'server' | 'provider'>[]): string => `
kind: TrustProvider
name: company
spec: { displayName: Company, issuer: ${places[0]?.provider.origin}, clientId: sallyport, claims: { subject: sub, email: email, name: name, groups: groups } }
---
kind: AccessPolicy
name: everybody
spec: { hop: client-to-gateway, trustProviders: [company], users: { trustProvider: company, groups: [everybody] } }
---
kind: OutboundNetwork
name: default
spec: { allow: [{ host: 127.0.0.1, http: true }] }
${places
  .map(
    ({ server, provider: { origin, clientId } }) => `---
kind: McpServer
name: ${server}
spec: { title: Notes, url: ${origin}/mcp }
---
kind: CredentialProvider
name: ${server}-per-user
spec: { type: mcp-user-oauth, server: ${server}, client: { issuer: ${origin}, clientId: ${clientId} } }
---
kind: AccessPolicy
name: ${server}-for-everybody
spec: { hop: gateway-to-server, server: ${server}, users: { trustProvider: company, groups: [everybody] }, credentialProvider: ${server}-per-user, tools: [{ match: ["*"], scope: notes.read }] }
`,
  )
  .join('')}`;

/**
 * Connections at providers whose refresh tokens are good once and which lose answers, while our processes are killed
 * at random; then the faults end, and what was stored is held against the providers' logs (B3, B4).
 */
export async function refreshUnderFaults({
  connections,
  seconds,
  graceSeconds,
  bringsPausesForward = false,
  onProgress = () => undefined,
}: RefreshFaultOptions): Promise<RefreshFaultReport> {
  const random = Math.random;
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const kid = 'at-faults';
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }] };
  const accessTokenSeconds = Math.max(4, Math.ceil(connections / 20));
  const places = await Promise.all(
    graceSeconds.map(async (grace, index): Promise<Place> => {
      const users = Array.from({ length: Math.ceil((connections - index) / graceSeconds.length) }, () => newId('usr'));
      return {
        server: `notes-${index + 1}`,
        graceSeconds: grace,
        provider: await startSingleUseProvider({ graceMs: grace * 1000, random, accessTokenSeconds, jwks }),
        users,
      };
    }),
  );
  const everybody = places.flatMap(({ server, provider, users }) =>
    users.map((userId) => ({ userId, server, targetOrigin: provider.origin })),
  );
  const fleet = await startFleet({
    configuration: configuration(places),
    jwksUrl: `${places[0]?.provider.origin}/jwks`,
  });
  const messaging = await createNatsMessaging({
    servers: [fleet.natsUrl],
    name: GATEWAY,
    role: 'gateway',
    nkeySeed: await readNkeySeed(fleet.gatewaySeedFile),
  });
  const { publicKey: verifyKey } = await loadVerifyingKey(fleet.keys.configurationSigningPublic);
  const replica = new ConfigurationReplica({
    log: messaging.configuration,
    verifyKey,
    clock: Date.now,
    stalenessBoundMs: 300_000,
    onProblem: () => undefined,
  });
  const database = connectDatabase(fleet.databaseUrl);
  const store = new PostgresConnectionStore(database);
  const vault = new Sealer(loadMasterKey(fleet.keys.master));
  try {
    await replica.start();
    await replica.whenReady(20_000);
    await startJournal(database);
    for (const { server, provider, users } of places) {
      const target = configuredTarget(replica.snapshot(), { server, credentialProvider: `${server}-per-user` });
      if (!target) throw new Error('the configuration names no target');
      const client = {
        issuer: provider.origin,
        clientId: provider.clientId,
        clientSecret: null,
        authentication: 'none' as const,
      };
      for (const userId of users) {
        const expiresAt = Date.now() + random() * accessTokenSeconds * 1000;
        await storeGrant(
          {
            userId,
            target,
            resource: `${provider.origin}/mcp`,
            tokenEndpoint: `${provider.origin}/token`,
            revocationEndpoint: null,
            client,
            requestedScopes: [],
            tokens: { ...provider.grant(userId), expiresAt, scopes: null },
          },
          { store, vault, clock: Date.now, random },
        );
      }
    }
    await database.connectionConsent.createMany({
      data: everybody.map(({ userId, server }) => ({ userId, clientId: AGENT, server })),
    });
    onProgress(`${connections} connections; killing for ${seconds} s`);

    const leased: { userId: string; accessDigest: string }[] = [];
    let isOver = false;
    const ask = await createLeaseAsker({
      messaging,
      keys: fleet.keys,
      snapshot: () => replica.snapshot(),
      agentKey: { kid, privateKey },
    });
    const lease = async (): Promise<void> => {
      while (!isOver) {
        const one = everybody[Math.floor(random() * everybody.length)];
        const accessToken = one && (await ask(one));
        if (accessToken !== undefined) leased.push({ userId: one?.userId ?? '', accessDigest: digestOf(accessToken) });
      }
    };
    const kill = async (): Promise<void> => {
      while (!isOver) {
        await sleep(random() * 2 * KILL_EVERY_MS);
        if (!isOver) await fleet.killOne(random);
      }
    };
    const load = Promise.all([lease(), lease(), lease(), kill(), kill()]);
    await Promise.race([
      sleep(seconds * 1000).then(() =>
        eventually(() => leased.length > 0 && fleet.killed.size >= MIN_KILLS, {
          timeoutMs: HEAL_MS,
          until: 'a credential was leased, and enough was killed',
        }),
      ),
      load,
    ]).finally(() => (isOver = true));
    await load;

    // Faults and kills end. Locks, jobs and open answers of the dead are left as they are: what is not healed by the others is a problem.
    const calmAt = Date.now();
    for (const { provider } of places)
      Object.assign(provider.behaviour, {
        lostShare: 0,
        unavailableShare: 0,
        mistakenShare: 0,
        accessTokenSeconds: CALM_SECONDS,
      });
    if (bringsPausesForward)
      await database.connection.updateMany({
        where: { refreshDueAt: { gt: new Date() } },
        data: { refreshDueAt: new Date() },
      });
    onProgress(`${fleet.killed.size} kills, ${leased.length} leases; healing`);
    const isHealed = ({ state, accessExpiresAt }: ConnectionSummary) =>
      state === 'needs_reconnect' ||
      (state === 'connected' && (accessExpiresAt ?? 0) > calmAt + (CALM_SECONDS / 2) * 1000);
    await eventually(async () => (await store.list({ limit: connections })).every(isHealed), {
      timeoutMs: HEAL_MS,
      intervalMs: 250,
      until: 'every connection was refreshed or is lost',
    }).catch(() => undefined);
    const healedAfterSeconds = Math.round((Date.now() - calmAt) / 1000);

    const verdicts: RefreshFaultReport['verdicts'][number][] = [];
    for (const { server, graceSeconds: grace, provider, users } of places) {
      const observed: Evidence['connections'][number][] = [];
      for (const userId of users) {
        const connection = await store.findFor(userId, server);
        observed.push({ userId, journal: connection ? await readJournal(database, vault, connection) : [] });
      }
      const theirs = leased.filter(({ userId }) => users.some((user) => user === userId));
      verdicts.push({
        graceSeconds: grace,
        connections: users.length,
        ...judgeRefreshes({
          connections: observed,
          log: provider.log,
          leased: theirs,
          killed: fleet.killed,
          graceMs: grace * 1000,
          calmAt,
        }),
      });
    }
    return { verdicts, kills: fleet.killed.size, leases: leased.length, healedAfterSeconds };
  } finally {
    await replica.stop();
    await messaging.close();
    await database.$disconnect();
    await fleet.stop();
    await Promise.all(places.map(({ provider }) => provider.stop()));
  }
}
