import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { connectDatabase, type Database } from '@sallyport/database';
import { newId } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadMasterKey, Sealer } from '@sallyport/keys';
import { eventually, freePorts, spawnApp } from '@sallyport/testing';
import type { SpawnedApp } from '@sallyport/testing';
import { sallyport } from '../../system/command-line.js';
import { serversConfiguration } from '../../system/servers-configuration.js';
import { signedTokens } from '../../system/signed-tokens.js';
import { startDistributed, type DistributedSystem } from '../../system/start-distributed.js';
import { describeFault, summarize, type EventsReport, type Fault } from './events-report.js';
import { Arrived, Called, readJournal, type CallingOrder } from './journals.js';
import { judgeEvents, type Stored } from './judge-events.js';
import { startReceiver, type Receiver } from './receiver.js';
import { followTrail, type TrailFollower } from './follow-trail.js';

export interface EventsOptions {
  readonly seconds: number;
  /** Calls a second. */
  readonly rate: number;
  /** How long what was killed stays away before a supervisor starts it again, in milliseconds. */
  readonly awayMs: number;
  readonly onProgress?: (line: string) => void;
}

const GATEWAYS = 2;
const CONTROL_PLANES = 2;
const USERS = 20;
/** Within this time all events are where they belong, once nobody calls any more. */
const DRAINED_MS = 120_000;
/** What was told twice would come within this time after everything was there. */
const SETTLED_MS = 3_000;

interface World {
  readonly system: DistributedSystem;
  readonly database: Database;
  readonly receiver: Receiver;
  readonly trail: TrailFollower;
}

/**
 * Agents call at a steady rate while each process between them and the receiver of a log stream is killed in turn and
 * started again. Afterwards every answered call has its two events, in the store and at the receiver, in order of
 * their writers, and the trail proves itself (R74, B24).
 */
export async function eventsUnderFaults(options: EventsOptions): Promise<EventsReport> {
  const server = await spawnApp({
    entry: 'apps/e2e/dist/runs/overload/server-process.js',
    args: ['others'],
    readyPattern: /http:\S+\n/,
  });
  const [port = 0] = await freePorts(1);
  const system = await startDistributed({
    gateways: GATEWAYS,
    controlPlanes: CONTROL_PLANES,
    logLevel: 'info',
    interruptible: true,
    configure: (demo) =>
      withLogStream(serversConfiguration([{ name: 'plain', url: server.stdout().trim() }], demo), port),
  });
  const database = connectDatabase(system.databaseUrl);
  const receiver = await startReceiver(port, join(system.dataDir, 'received.ndjson'));
  const trail = followTrail(database);
  let agents: SpawnedApp | undefined;
  try {
    const journal = join(system.dataDir, 'calls.ndjson');
    agents = await startCalling(system, database, { perSecond: options.rate, journal });
    const faults = await killInTurn({ system, database, receiver, trail }, options);
    await agents.stop(60_000);
    const calls = readJournal(journal, Called);
    options.onProgress?.(`${calls.length} calls made; waiting until their events are where they belong`);
    const drainedMs = await drain({ system, database, receiver, trail }, calls);
    return await report({ system, database, receiver, trail }, { calls, faults, drainedMs, options });
  } finally {
    await agents?.kill();
    await trail.stop();
    await database.$disconnect();
    await receiver.stop();
    await system.stop();
    await server.stop();
  }
}

/** All events, from the first on, to a receiver on this port. */
function withLogStream(configuration: string, port: number): string {
  const stream = `kind: LogStream
name: collector
spec: { start: beginning, sink: { otlp: { url: "http://127.0.0.1:${port}/v1/logs" } } }
---
`;
  return `${stream}${configuration.trimEnd()}\n    - { host: 127.0.0.1, ports: [${port}], http: true }\n`;
}

async function startCalling(
  system: DistributedSystem,
  database: Database,
  more: Pick<CallingOrder, 'perSecond' | 'journal'>,
): Promise<SpawnedApp> {
  const sealer = new Sealer(loadMasterKey((await ensureDeploymentKeys(system.keys, { gateways: [] })).master));
  const users = Array.from({ length: USERS }, () => newId('usr'));
  const signing = { database, sealer, issuer: system.issuer, audience: `${system.gatewayUrl}/mcp` };
  const tokens = [...(await signedTokens(users, signing)).values()];
  const order: CallingOrder = {
    ...{ gateways: [...system.gateways], host: new URL(system.gatewayUrl).host, tokens },
    ...more,
  };
  const file = join(system.dataDir, 'calling.json');
  writeFileSync(file, JSON.stringify(order), { mode: 0o600 });
  return spawnApp({
    entry: 'apps/e2e/dist/runs/events/steady-caller.js',
    args: [file],
    readyPattern: /calling/,
  });
}

/** One after the other, at equal distances, each started again after a while. */
async function killInTurn(
  { system, receiver }: World,
  { seconds, awayMs, onProgress = () => undefined }: EventsOptions,
): Promise<Fault[]> {
  const { services } = system;
  if (services === undefined) throw new Error('nothing can be taken away');
  const ofProcess = (name: string, more: Pick<Fault, 'gateway'> | object = {}) => ({
    what: name,
    kill: () => system.kill(name),
    // A supervisor starts again what did not come up.
    resume: async () =>
      void (await eventually(() => system.restart(name).then(() => true), { timeoutMs: 120_000, intervalMs: 1_000 })),
    ...more,
  });
  const ofService = (what: string, { kill, resume }: (typeof services)['nats']) => ({ what, kill, resume });
  const victims: readonly { what: string; gateway?: number; kill(): Promise<void>; resume(): Promise<void> }[] = [
    ofProcess('gateway-1', { gateway: 0 }),
    ofProcess('control-plane'),
    ofService('NATS', services.nats),
    ofService('PostgreSQL', services.postgres),
    { what: 'receiver', kill: () => receiver.kill(), resume: () => receiver.resume() },
    ofProcess('control-plane-2'),
  ];
  const everyMs = (seconds * 1000) / (victims.length + 1);
  const began = Date.now();
  const faults: Fault[] = [];
  for (const [index, { what, gateway, kill, resume }] of victims.entries()) {
    await pause(Math.max(0, began + (index + 0.75) * everyMs - Date.now()));
    const from = Date.now();
    await kill();
    await pause(awayMs);
    await resume();
    const fault = { what, from, until: Date.now(), ...(gateway !== undefined && { gateway }) };
    faults.push(fault);
    onProgress(describeFault(fault));
  }
  await pause(Math.max(0, began + seconds * 1000 - Date.now()));
  return faults;
}

/** @returns after how many milliseconds all events were where they belong; undefined: they never were */
async function drain({ trail, receiver }: World, calls: readonly Called[]): Promise<number | undefined> {
  const began = Date.now();
  const [answered, responses, arrived] = [calls.filter(({ failure }) => failure === undefined), new Set(), new Set()];
  const isStored = (): boolean => {
    for (const { type, traceId } of trail.stored()) if (type === 'mcp.response') responses.add(traceId);
    return answered.every(({ traceId }) => responses.has(traceId));
  };
  const isDelivered = (): boolean => {
    for (const { id } of receiver.arrived()) arrived.add(id);
    return trail.stored().every(({ id }) => arrived.has(id));
  };
  const waited = { timeoutMs: DRAINED_MS, intervalMs: 1_000 };
  try {
    await eventually(isStored, waited);
    await eventually(isDelivered, waited);
    return Date.now() - began;
  } catch {
    return undefined;
  } finally {
    await pause(SETTLED_MS);
    await trail.stop();
    await eventually(isDelivered, waited).catch(() => undefined); // and checkpoints of the meantime
  }
}

async function report(
  { system, database, receiver, trail }: World,
  of: { calls: readonly Called[]; faults: readonly Fault[]; drainedMs: number | undefined; options: EventsOptions },
): Promise<EventsReport> {
  const { calls, faults, drainedMs, options } = of;
  const stored: readonly Stored[] = trail.stored();
  const arrived: readonly Arrived[] = receiver.arrived();
  const problems = judgeEvents(calls, { stored, arrived, outages: faults });
  if (drainedMs === undefined) problems.push(`not all events were where they belong after ${DRAINED_MS / 1000} s`);
  const dead = await database.logStreamDeadLetter.count();
  if (dead > 0) problems.push(`${dead} events are dead letters`);
  const verified = await sallyport(['audit', 'verify'], {
    env: { SALLYPORT_URL: system.controlPlaneUrl, SALLYPORT_ADMIN_TOKEN_FILE: join(system.dataDir, 'admin-token') },
  });
  if (verified.exitCode !== 0) problems.push(`audit verify ended with ${verified.exitCode}: ${verified.stdout}`);
  const summary = summarize({ calls, faults, stored, arrived, storedAt: trail.storedAt, rate: options.rate });
  return { ...summary, drainedMs, verified: verified.stdout.trim(), problems };
}
