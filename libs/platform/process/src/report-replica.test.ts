import { subjects, type ReplicaReport } from '@sallyport/messages';
import { createInProcessMessaging, type Messaging } from '@sallyport/messaging';
import { createLogger } from '@sallyport/telemetry';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { degraded, reportReplica, startService, type ReportOptions, type RunningService } from './index.js';

const logger = createLogger({ name: 'test', level: 'fatal' });
const EPOCH = 'an-epoch';

let messaging: Messaging;
let heard: [string, ReplicaReport][];
/** What the replica applies, and who hears of changes. */
let configuration: ReturnType<typeof changingConfiguration>;
let service: RunningService | undefined;

beforeEach(async () => {
  vi.useFakeTimers({ now: 1_000_000 });
  messaging = createInProcessMessaging();
  heard = [];
  await messaging.broadcast.subscribe(subjects.allReports, (payload, subject) =>
    heard.push([subject, payload as ReplicaReport]),
  );
  configuration = changingConfiguration();
});
afterEach(async () => {
  await service?.close();
  service = undefined;
  vi.useRealTimers();
});

function changingConfiguration() {
  const listeners = new Set<() => void>();
  let revision: number | null = null;
  let stale = false;
  let distrusts = false;
  return {
    state: () => ({ ready: revision !== null, stale, distrusts, epoch: revision === null ? null : EPOCH, revision }),
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    apply(next: number) {
      revision = next;
      for (const listener of listeners) listener();
    },
    becomeStale: () => (stale = true),
    becomeDistrustful: () => (distrusts = true),
    listeners,
  };
}

async function start(options: Partial<ReportOptions> = {}): Promise<void> {
  service = await startService('gateway', { logger }, async (scope) => {
    scope.readiness(() => degraded('the keys are not loaded'));
    reportReplica(scope, {
      messaging,
      role: 'gateway',
      replica: 'gw-1',
      configuration,
      clock: Date.now,
      ...options,
    });
    return {};
  });
  await vi.advanceTimersByTimeAsync(0);
}
const revisions = () => heard.map(([, { configuration: applied }]) => applied?.revision ?? null);

test('a process reports at its start who it is and how ready, under its own role and name (S26)', async () => {
  await start({ faults: () => ['issuer-keys-missing'] });
  expect(heard).toEqual([
    [
      'sallyport.v1.reports.gateway.gw-1',
      {
        v: 1,
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        startedAt: 1_000_000,
        at: 1_000_000,
        state: 'running',
        configuration: null,
        readiness: { status: 'degraded', reasons: ['the keys are not loaded'] },
        faults: ['configuration-missing', 'issuer-keys-missing'],
      },
    ],
  ]);
});

test('a worker of a replica reports under an address below its name', async () => {
  await start({ worker: 3 });
  expect(heard.map(([subject]) => subject)).toEqual(['sallyport.v1.reports.gateway.gw-1.3']);
});

test('it reports at once when its configuration changes, and every two seconds when nothing does', async () => {
  await start();
  await vi.advanceTimersByTimeAsync(100);
  configuration.apply(7);
  await vi.advanceTimersByTimeAsync(0);
  expect(revisions()).toEqual([null, 7]);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(revisions()).toEqual([null, 7, 7, 7]);
});

test('of many changes at once the first and the last are reported: they cannot fill the bus (S34)', async () => {
  await start();
  await vi.advanceTimersByTimeAsync(100);
  for (let revision = 1; revision <= 1_000; revision++) configuration.apply(revision);
  await vi.advanceTimersByTimeAsync(100);
  expect(revisions()).toEqual([null, 1, 1_000]);
});

test('a stale configuration is a fault', async () => {
  await start();
  configuration.apply(1);
  configuration.becomeStale();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(heard.at(-1)?.[1].faults).toEqual(['configuration-stale']);
});

test('no configuration because none is trusted is a fault of its own', async () => {
  configuration.becomeDistrustful();
  await start();
  expect(heard.at(-1)?.[1].faults).toEqual(['configuration-untrusted']);
});

test('when it ends it says so last, and no more', async () => {
  await start();
  await service?.close();
  configuration.apply(9);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(heard.map(([, { state }]) => state)).toEqual(['running', 'ended']);
  expect(configuration.listeners.size).toBe(0);
});

test('while the bus is away nothing is said: what waits would tell of a clock that is wrong', async () => {
  let connected = false;
  await start({ messaging: { broadcast: messaging.broadcast, connected: () => connected } });
  await vi.advanceTimersByTimeAsync(4_000);
  expect(heard).toEqual([]);
  connected = true;
  await vi.advanceTimersByTimeAsync(2_000);
  expect(heard).toHaveLength(1);
});
