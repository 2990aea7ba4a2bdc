import { setTimeout as sleep } from 'node:timers/promises';
import { connectDatabase, type Database } from '@sallyport/database';
import { loadMasterKey, Sealer } from '@sallyport/keys';
import { eventually } from '@sallyport/testing';
import { Random } from '../fuzz/random.js';
import { startBalancer } from './balancer.js';
import { startFleet, type Fleet } from './fleet.js';
import { startFaultyIdentityProvider, type FaultyIdentityProvider } from './identity-provider.js';
import { judgeSignIns, PROMISED_MS, type ObservedSignIn, type Refusal, type SignInVerdict } from './judge-sign-ins.js';
import { RefreshingAgent, registerAgent } from './refreshing-agent.js';
import { readSignInJournal, startSignInJournal } from './sign-in-journal.js';

export interface SignInFaultOptions {
  /** Each with one agent, every other one with two. */
  readonly people: number;
  readonly seconds: number;
  /**
   * An identity provider for each, among which the people are divided: how long it answers a repeat with the same
   * successor.
   */
  readonly graceSeconds: readonly number[];
  readonly toleratedSeconds: number;
  /** Of every draw made here. What the processes and the machine do is not drawn. */
  readonly seed: number;
  readonly onProgress?: (line: string) => void;
}

export interface SignInFaultReport {
  /** In the order of `graceSeconds`. */
  readonly verdicts: readonly (SignInVerdict & {
    readonly graceSeconds: number;
    /** Grants that the provider ended because a spent token was presented again. */
    readonly reused: number;
  })[];
  readonly kills: number;
  /** Of agents, that were answered with tokens. */
  readonly refreshes: number;
  /** Answers to agents other than tokens, by what they said. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly healedAfterSeconds: number;
}

/** No less than the background of a replica takes from one look to the next. */
const RECHECK_SECONDS = 5;
const REPLICAS = 3;
/** Between two refreshes of an agent, on average. */
const PAUSE_MS = 5_000;
/** Every third agent only signs in: whether its person may still come in is asked in the background. */
const QUIET = 3;
const SIGNING_IN_AT_ONCE = 6;
const KILL_EVERY_MS = 2_500;
const MIN_KILLS = 4;
/** One in so many people leaves while processes are killed. */
const LEAVING = 5;
const KEYS_AWAY_SHARE = 1 / 4;
const KEYS_AWAY_MS = 10_000;
/** A lost answer, a hold of a dead process, and a machine that is busy. */
const HEAL_MS = 120_000;

interface Place {
  readonly trustProvider: string;
  readonly graceSeconds: number;
  readonly provider: FaultyIdentityProvider;
  readonly people: readonly string[];
  readonly dismissedAt: Map<string, number>;
}

const configuration = (places: readonly Place[], toleratedSeconds: number): string => `
kind: AccessPolicy
name: everybody
spec: { hop: client-to-gateway, trustProviders: [${places.map(({ trustProvider }) => trustProvider).join(', ')}] }
---
kind: ClientRegistration
name: default
spec: { dynamic: { mode: open, redirectHosts: [127.0.0.1] } }
---
kind: OutboundNetwork
name: default
spec: { allow: [{ host: 127.0.0.1, http: true }] }
${places
  .map(
    ({ trustProvider, provider: { origin, clientId } }) => `---
kind: TrustProvider
name: ${trustProvider}
spec:
  displayName: ${trustProvider}
  issuer: ${origin}
  clientId: ${clientId}
  tokenEndpointAuthMethod: none
  claims: { subject: sub, email: email, name: name, groups: groups }
  session: { recheckEvery: ${RECHECK_SECONDS}s, toleratedOutage: ${toleratedSeconds}s }
---
kind: Role
name: reader-of-${trustProvider}
spec: { scopes: [notes.read], members: [{ trustProvider: ${trustProvider}, groups: [everybody] }] }
`,
  )
  .join('')}`;

/**
 * People signed in at identity providers whose refresh tokens are good once and which lose answers, while
 * authorization servers are killed at random and some people leave; then the faults end, and what was stored is held
 * against the providers' logs (B3, B4, R84).
 */
export async function signInsUnderFaults(options: SignInFaultOptions): Promise<SignInFaultReport> {
  const { seconds, toleratedSeconds, seed, onProgress = () => undefined } = options;
  const drawn = new Random(seed, 0);
  const random = () => drawn.below(2 ** 32) / 2 ** 32;
  const places = await startPlaces(options, random);
  let fleet: Fleet | undefined;
  const balancer = await startBalancer(() => fleet?.portsOf('authorization-server') ?? [], random);
  let database: Database | undefined;
  try {
    fleet = await startFleet({
      configuration: configuration(places, toleratedSeconds),
      jwksUrl: `${balancer.url}/jwks`,
      issuer: balancer.url,
      replicas: { 'control-plane': 1, 'authorization-server': REPLICAS },
    });
    database = connectDatabase(fleet.databaseUrl);
    await startSignInJournal(database);
    const refusals: Refusal[] = [];
    let isOver = false;
    const agents = await signEverybodyIn(places, {
      issuer: balancer.url,
      clientId: await eventually(() => registerAgent(balancer.url), {
        timeoutMs: HEAL_MS,
        until: 'agents can register',
      }),
      isOver: () => isOver,
      random,
      onRefusal: (refusal) => void refusals.push(refusal),
    });
    onProgress(`seed ${seed}: ${agents.length} agents signed in; killing for ${seconds} s`);

    let isCalm = false;
    const refreshing = Promise.all(agents.filter((_, index) => index % QUIET !== 0).map((one) => one.run(PAUSE_MS)));
    const faults = misbehave(places, { fleet, seconds, random, isCalm: () => isCalm });
    const { killed } = fleet;
    const untilEnough = sleep(seconds * 1000).then(() =>
      eventually(() => killed.size >= MIN_KILLS, { timeoutMs: HEAL_MS, until: 'enough was killed' }),
    );
    await Promise.race([untilEnough, refreshing, faults.then(() => sleep(HEAL_MS))]).finally(() => (isCalm = true));
    await faults;
    // Holds and open questions of the dead are left as they are: what is not healed by the others is a problem.
    const calmAt = Date.now();
    for (const { provider } of places) calm(provider);
    onProgress(`${killed.size} kills, ${refusals.length} refusals; healing`);
    await heal(database, calmAt, toleratedSeconds * 1000);
    const healedAfterSeconds = Math.round((Date.now() - calmAt) / 1000);
    isOver = true;
    await refreshing;
    for (const agent of agents) await agent.refresh();

    const sealer = new Sealer(loadMasterKey(fleet.keys.master));
    const verdicts: SignInFaultReport['verdicts'][number][] = [];
    for (const { trustProvider, graceSeconds, provider, dismissedAt } of places) {
      const verdict = judgeSignIns({
        signIns: await observe(database, sealer, trustProvider),
        log: provider.log,
        graceMs: graceSeconds * 1000,
        recheckMs: RECHECK_SECONDS * 1000,
        toleratedMs: toleratedSeconds * 1000,
        judgedAt: Date.now(),
        ...{ dismissedAt, refusals, killed, calmAt },
      });
      verdicts.push({ graceSeconds, reused: provider.reused.size, ...verdict });
    }
    return {
      verdicts,
      kills: killed.size,
      refreshes: agents.reduce((sum, agent) => sum + agent.refreshes, 0),
      refusals: countBy(refusals, ({ status, error }) => `${status} ${error}`),
      healedAfterSeconds,
    };
  } finally {
    await database?.$disconnect();
    await fleet?.stop();
    await balancer.close();
    await Promise.all(places.map(({ provider }) => provider.stop()));
  }
}

function startPlaces({ people, graceSeconds }: SignInFaultOptions, random: () => number): Promise<Place[]> {
  return Promise.all(
    graceSeconds.map(async (grace, index): Promise<Place> => {
      const provider = await startFaultyIdentityProvider({ graceMs: grace * 1000, random });
      Object.assign(provider.behaviour, { mistakenShare: 0, maskedShare: 0.02, slowShare: 0.005 });
      const count = Math.ceil((people - index) / graceSeconds.length);
      return {
        trustProvider: `provider-${index + 1}`,
        graceSeconds: grace,
        provider,
        people: Array.from({ length: count }, (_, number) => `person-${index + 1}-${number + 1}`),
        dismissedAt: new Map(),
      };
    }),
  );
}

async function signEverybodyIn(
  places: readonly Place[],
  surroundings: ConstructorParameters<typeof RefreshingAgent>[0],
): Promise<readonly RefreshingAgent[]> {
  const agents = places.flatMap(({ trustProvider, people }) =>
    people.flatMap((person, index) =>
      Array.from({ length: 1 + (index % 2) }, () => new RefreshingAgent(surroundings, { person, trustProvider })),
    ),
  );
  const waiting = agents.values();
  const signIn = async (): Promise<void> => {
    for (const agent of waiting)
      await eventually(() => agent.signIn(), { timeoutMs: HEAL_MS, until: 'an agent is signed in' });
  };
  await Promise.all(Array.from({ length: SIGNING_IN_AT_ONCE }, signIn));
  return agents;
}

/** Kills processes, has people leave and takes keys away, until all is calm. */
async function misbehave(
  places: readonly Place[],
  { fleet, seconds, random, isCalm }: { fleet: Fleet; seconds: number; random: () => number; isCalm: () => boolean },
): Promise<void> {
  const until = async (ms: number): Promise<void> => {
    for (const end = Date.now() + ms; Date.now() < end && !isCalm();) await sleep(50);
  };
  const kill = async (): Promise<void> => {
    while (!isCalm()) {
      await until(random() * 2 * KILL_EVERY_MS);
      if (!isCalm()) await fleet.killOne(random);
    }
  };
  const leave = async ({ provider, people, dismissedAt }: Place): Promise<void> => {
    const leaving = people.filter((_, index) => index % LEAVING === 1);
    for (const person of leaving) {
      await until((seconds * 1000) / (leaving.length + 1));
      if (isCalm()) return;
      dismissedAt.set(person, Date.now());
      provider.dismiss(person);
    }
  };
  const takeKeys = async ({ provider }: Place): Promise<void> => {
    while (!isCalm()) {
      await until(((1 - KEYS_AWAY_SHARE) * seconds * 1000 * random()) / 2);
      provider.areKeysAway = true;
      if (random() < 0.5) await provider.rotateKey();
      await until(Math.min(KEYS_AWAY_MS, seconds * 1000 * KEYS_AWAY_SHARE));
      provider.areKeysAway = false;
    }
  };
  await Promise.all([kill(), kill(), ...places.flatMap((place) => [leave(place), takeKeys(place)])]);
}

function calm(provider: FaultyIdentityProvider): void {
  Object.assign(provider.behaviour, { lostShare: 0, maskedShare: 0, slowShare: 0, unavailableShare: 0 });
  provider.areKeysAway = false;
}

/** Until each sign-in was confirmed anew, or is over. What is not by then, the judge speaks of. */
async function heal(database: Database, calmAt: number, toleratedMs: number): Promise<void> {
  await eventually(
    async () => {
      const open = {
        endedAt: null,
        confirmedAt: { lte: new Date(calmAt) },
        agentSessions: { some: { endedAt: null } },
      };
      return (await database.identitySession.count({ where: open })) === 0;
    },
    {
      timeoutMs: toleratedMs + PROMISED_MS + HEAL_MS,
      intervalMs: 250,
      until: 'every sign-in was confirmed or is over',
    },
  ).catch(() => undefined);
}

async function observe(database: Database, sealer: Sealer, trustProvider: string): Promise<ObservedSignIn[]> {
  const rows = await database.identitySession.findMany({ where: { trustProvider }, include: { agentSessions: true } });
  const observed: ObservedSignIn[] = [];
  for (const row of rows)
    observed.push({
      id: row.id,
      journal: await readSignInJournal(database, sealer, row),
      createdAt: row.createdAt.getTime(),
      confirmedAt: row.confirmedAt.getTime(),
      agents: row.agentSessions.map(({ sid, endedAt, endReason }) => ({
        sid,
        endedAt: endedAt?.getTime(),
        reason: endReason ?? undefined,
      })),
    });
  return observed;
}

function countBy<T>(values: readonly T[], name: (value: T) => string): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(values, name)].map(([key, group]) => [key, group.length]));
}
