import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresConnectionStore } from '@sallyport/connection-store';
import type { ConnectionSummary } from '@sallyport/connection';
import { connectDatabase, type Database } from '@sallyport/database';
import { newId, type UserId } from '@sallyport/kernel';
import { loadMasterKey, Sealer } from '@sallyport/keys';
import { eventually } from '@sallyport/testing';
import { exportJWK, generateKeyPair } from 'jose';
import { startFleet, type Fleet } from './fleet.js';
import { connectAsGateway, storeFirstGrant, type GatewaySide } from './gateway-side.js';
import { judgeRefreshes, type Evidence, type Verdict } from './judge-refreshes.js';
import { AGENT, createLeaseAsker } from './lease-load.js';
import { readJournal, startJournal } from './refresh-journal.js';
import { digestOf, startSingleUseProvider, type SingleUseProvider } from './single-use-provider.js';

export interface RefreshFaultOptions {
  readonly connections: number;
  readonly seconds: number;
  /**
   * A provider for each, among which the connections are divided: how long it answers a repeat with the same
   * successor; 0: a token is good once.
   */
  readonly graceSeconds: readonly number[];
  /**
   * Pauses after failures are brought forward when faults have ended, so that a short run is short. Nothing else is
   * helped.
   */
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

/** Of the key that agents' tokens are signed with. */
const KID = 'at-faults';
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
export async function refreshUnderFaults(options: RefreshFaultOptions): Promise<RefreshFaultReport> {
  const { connections, seconds, bringsPausesForward = false, onProgress = () => undefined } = options;
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: KID, alg: 'ES256', use: 'sig' }] };
  const places = await startPlaces(options, jwks);
  const fleet = await startFleet({
    configuration: configuration(places),
    jwksUrl: `${places[0]?.provider.origin}/jwks`,
  });
  const database = connectDatabase(fleet.databaseUrl);
  const store = new PostgresConnectionStore(database);
  const vault = new Sealer(loadMasterKey(fleet.keys.master));
  let gateway: GatewaySide | undefined;
  try {
    gateway = await connectAsGateway(fleet);
    await startJournal(database);
    const everybody = await connectEverybody(places, gateway, { database, store, vault });
    onProgress(`${connections} connections; killing for ${seconds} s`);

    const ask = await createLeaseAsker({ ...gateway, keys: fleet.keys, agentKey: { kid: KID, privateKey } });
    const leased = await leaseAndKill({ everybody, ask, fleet, seconds });

    // Faults and kills end. Locks, jobs and open answers of the dead are left as they are: what is not healed by the
    // others is a problem.
    const calmAt = Date.now();
    for (const { provider } of places) calm(provider);
    if (bringsPausesForward)
      await database.connection.updateMany({
        where: { refreshDueAt: { gt: new Date() } },
        data: { refreshDueAt: new Date() },
      });
    onProgress(`${fleet.killed.size} kills, ${leased.length} leases; healing`);
    await heal(store, connections, calmAt);
    const healedAfterSeconds = Math.round((Date.now() - calmAt) / 1000);

    const verdicts: RefreshFaultReport['verdicts'][number][] = [];
    for (const { server, graceSeconds, provider, users } of places) {
      const observed: Evidence['connections'][number][] = [];
      for (const userId of users) {
        const connection = await store.findFor(userId, server);
        observed.push({ userId, journal: connection ? await readJournal(database, vault, connection) : [] });
      }
      const verdict = judgeRefreshes({
        connections: observed,
        log: provider.log,
        leased: leased.filter(({ userId }) => users.some((user) => user === userId)),
        killed: fleet.killed,
        graceMs: graceSeconds * 1000,
        calmAt,
      });
      verdicts.push({ graceSeconds, connections: users.length, ...verdict });
    }
    return { verdicts, kills: fleet.killed.size, leases: leased.length, healedAfterSeconds };
  } finally {
    await gateway?.close();
    await database.$disconnect();
    await fleet.stop();
    await Promise.all(places.map(({ provider }) => provider.stop()));
  }
}

const lifetimeSeconds = (connections: number): number => Math.max(4, Math.ceil(connections / 20));

function startPlaces({ connections, graceSeconds }: RefreshFaultOptions, jwks: object): Promise<Place[]> {
  return Promise.all(
    graceSeconds.map(async (grace, index): Promise<Place> => {
      const provider = await startSingleUseProvider({
        graceMs: grace * 1000,
        random: Math.random,
        accessTokenSeconds: lifetimeSeconds(connections),
        jwks,
      });
      const count = Math.ceil((connections - index) / graceSeconds.length);
      const users = Array.from({ length: count }, () => newId('usr'));
      return { server: `notes-${index + 1}`, graceSeconds: grace, provider, users };
    }),
  );
}

/** Who may be asked a credential for, and where. */
interface Connected {
  readonly userId: UserId;
  readonly server: string;
  readonly targetOrigin: string;
}

async function connectEverybody(
  places: readonly Place[],
  gateway: GatewaySide,
  { database, ...keeping }: { database: Database; store: PostgresConnectionStore; vault: Sealer },
): Promise<readonly Connected[]> {
  for (const { server, provider, users } of places)
    for (const userId of users) {
      const expiresAt = Date.now() + Math.random() * provider.behaviour.accessTokenSeconds * 1000;
      await storeFirstGrant({ userId, server, provider, expiresAt }, gateway.snapshot(), {
        ...keeping,
        clock: Date.now,
        random: Math.random,
      });
    }
  const everybody = places.flatMap(({ server, provider, users }) =>
    users.map((userId) => ({ userId, server, targetOrigin: provider.origin })),
  );
  await database.connectionConsent.createMany({
    data: everybody.map(({ userId, server }) => ({ userId, clientId: AGENT, server })),
  });
  return everybody;
}

/** Asks for credentials, and kills processes meanwhile. @returns what was leased */
async function leaseAndKill({
  everybody,
  ask,
  fleet,
  seconds,
}: {
  everybody: readonly Connected[];
  ask: Awaited<ReturnType<typeof createLeaseAsker>>;
  fleet: Fleet;
  seconds: number;
}): Promise<Evidence['leased']> {
  const leased: Evidence['leased'][number][] = [];
  let isOver = false;
  const lease = async (): Promise<void> => {
    while (!isOver) {
      const one = everybody[Math.floor(Math.random() * everybody.length)];
      const accessToken = one && (await ask(one));
      if (accessToken !== undefined) leased.push({ userId: one?.userId ?? '', accessDigest: digestOf(accessToken) });
    }
  };
  const kill = async (): Promise<void> => {
    while (!isOver) {
      await sleep(Math.random() * 2 * KILL_EVERY_MS);
      if (!isOver) await fleet.killOne(Math.random);
    }
  };
  const load = Promise.all([lease(), lease(), lease(), kill(), kill()]);
  const isEnough = () => leased.length > 0 && fleet.killed.size >= MIN_KILLS;
  const until = 'a credential was leased, and enough was killed';
  await Promise.race([
    sleep(seconds * 1000).then(() => eventually(isEnough, { timeoutMs: HEAL_MS, until })),
    load,
  ]).finally(() => (isOver = true));
  await load;
  return leased;
}

function calm({ behaviour }: SingleUseProvider): void {
  Object.assign(behaviour, {
    lostShare: 0,
    unavailableShare: 0,
    mistakenShare: 0,
    accessTokenSeconds: CALM_SECONDS,
  });
}

/** Until each connection was refreshed anew, or is lost. What is not by then, the judge speaks of. */
async function heal(store: PostgresConnectionStore, connections: number, calmAt: number): Promise<void> {
  const isHealed = ({ state, accessExpiresAt }: ConnectionSummary) =>
    state === 'needs_reconnect' ||
    (state === 'connected' && (accessExpiresAt ?? 0) > calmAt + (CALM_SECONDS / 2) * 1000);
  await eventually(async () => (await store.list({ limit: connections })).every(isHealed), {
    timeoutMs: HEAL_MS,
    intervalMs: 250,
    until: 'every connection was refreshed or is lost',
  }).catch(() => undefined);
}
