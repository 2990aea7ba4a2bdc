import { subjects, type ReplicaReport } from '@sallyport/messages';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KnownReplicas } from './known-replicas.js';

const EPOCH = 'e1';
let replicas: KnownReplicas;
beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  replicas = new KnownReplicas({ clock: Date.now });
});
afterEach(() => {
  vi.useRealTimers();
});

const reportOf = (change: Partial<Record<keyof ReplicaReport, unknown>> = {}) => ({
  v: 1,
  version: '0.1.0',
  startedAt: 900_000,
  at: Date.now(),
  state: 'running',
  configuration: { epoch: EPOCH, revision: 5 },
  readiness: { status: 'ready', reasons: [] },
  faults: [],
  ...change,
});
const applying = (revision: number, epoch = EPOCH) => reportOf({ configuration: { epoch, revision } });
const hear = (address: string, payload: unknown = reportOf(), service = 'gateway') =>
  replicas.heard(payload, subjects.report(service, address));
/** Time passes, and these replicas go on reporting. */
async function pass(milliseconds: number, ...addresses: string[]): Promise<void> {
  for (let left = milliseconds; left > 0; left -= 1_000) {
    await vi.advanceTimersByTimeAsync(Math.min(left, 1_000));
    for (const address of addresses) hear(address);
  }
}

test('who reports is what the bus says, and each process of a replica counts', () => {
  hear('gw-1.1');
  hear('gw-1.2');
  hear('as-1', reportOf(), 'authorization-server');
  expect(replicas.all().map(({ service, replica, worker }) => [service, replica, worker])).toEqual([
    ['authorization-server', 'as-1', null],
    ['gateway', 'gw-1', 1],
    ['gateway', 'gw-1', 2],
  ]);
});

test.each([
  ['no object', 'hello'],
  ['a status nobody knows', reportOf({ readiness: { status: 'fine', reasons: [] } })],
  ['too many reasons', reportOf({ readiness: { status: 'ready', reasons: Array.from({ length: 33 }, () => 'x') } })],
  ['a reason too long', reportOf({ readiness: { status: 'ready', reasons: ['x'.repeat(501)] } })],
  ['a version too long', reportOf({ version: '1'.repeat(65) })],
  ['a revision below none', applying(-1)],
])('a report with %s is not taken (S26)', (_what, payload) => {
  expect(hear('gw-1', payload)).toBe(false);
  expect(replicas.all()).toEqual([]);
});

test.each(['nobody.gw-1', 'gateway.gw-1.x', 'gateway.gw-1.0', 'gateway.gw-1.257', 'gateway.gw-1.1.1', 'gateway.'])(
  'a subject that is no address is not taken: %s',
  (rest) => {
    expect(replicas.heard(reportOf(), `sallyport.v1.reports.${rest}`)).toBe(false);
  },
);

test('a fault that only a newer version knows does not keep its report from being read', () => {
  hear('gw-1', reportOf({ faults: ['out-of-breath', 'spool-refuses'] }));
  expect(replicas.all()[0]?.faults).toEqual(['spool-refuses']);
});

test('how many processes are remembered is bounded; those that are known go on being heard', () => {
  for (let number = 0; number < 20; number++)
    for (let worker = 1; worker <= 256; worker++) hear(`gw-${number}.${worker}`);
  expect(replicas.all()).toHaveLength(4_096);
  expect(hear('gw-0.1')).toBe(true);
  expect(hear('gw-99')).toBe(false);
});

test('how far its clock is from ours is told', () => {
  hear('gw-1', reportOf({ at: Date.now() - 90_000 }));
  expect(replicas.all()[0]?.clockOffByMs).toBe(-90_000);
});

test('a replica that says that it ends is forgotten at once', () => {
  hear('gw-1');
  hear('gw-1', reportOf({ state: 'ended' }));
  expect(replicas.all()).toEqual([]);
});

test('a replica that is not heard is silent after four reports, and forgotten after five minutes', async () => {
  hear('gw-1');
  await pass(8_000);
  expect(replicas.all().map(({ isSilent }) => isSilent)).toEqual([false]);
  await pass(1_000);
  expect(replicas.all().map(({ isSilent }) => isSilent)).toEqual([true]);
  await pass(292_000);
  expect(replicas.all()).toEqual([]);
});

test('a revision is live when every gateway and authorization server has reported it or a later one', async () => {
  for (const address of ['gw-1', 'gw-2']) hear(address, applying(5));
  hear('as-1', applying(5), 'authorization-server');
  hear('worker-1', applying(3), 'token-refresh-worker');
  await vi.advanceTimersByTimeAsync(3_000);
  let liveness: Awaited<ReturnType<KnownReplicas['awaitLive']>> | undefined;
  void replicas.awaitLive({ epoch: EPOCH, revision: 6 }, 5_000).then((now) => (liveness = now));
  hear('gw-1', applying(6));
  hear('gw-2', applying(7));
  await vi.advanceTimersByTimeAsync(20);
  expect(liveness).toBeUndefined();
  hear('as-1', applying(6), 'authorization-server');
  await vi.advanceTimersByTimeAsync(0);
  expect(liveness).toMatchObject({ live: true, replicas: 3, waitedMs: 20, behind: [], silent: [] });
});

test('after the time it says who is behind, of an earlier revision or of another epoch', async () => {
  await pass(3_000);
  hear('gw-1', applying(6));
  hear('gw-2', applying(5));
  hear('gw-3', applying(9, 'another'));
  hear('gw-4', reportOf({ configuration: null }));
  const waiting = replicas.awaitLive({ epoch: EPOCH, revision: 6 }, 1_000);
  await vi.advanceTimersByTimeAsync(1_000);
  const { live, behind, replicas: counted } = await waiting;
  expect({ live, counted, behind: behind.map(({ replica }) => replica) }).toEqual({
    live: false,
    counted: 4,
    behind: ['gw-2', 'gw-3', 'gw-4'],
  });
});

test('a replica that is not heard any more is not waited for, and named', async () => {
  hear('gw-1', applying(6));
  hear('gw-2', applying(5));
  const waiting = replicas.awaitLive({ epoch: EPOCH, revision: 6 }, 60_000);
  for (let second = 0; second < 9; second++) {
    await vi.advanceTimersByTimeAsync(1_000);
    hear('gw-1', applying(6));
  }
  await vi.advanceTimersByTimeAsync(250);
  const { live, silent } = await waiting;
  expect(live).toBe(true);
  expect(silent.map(({ replica }) => replica)).toEqual(['gw-2']);
});

test('where all have fallen silent nothing is live: it may be us who cannot hear', async () => {
  hear('gw-1', applying(6));
  await pass(9_000);
  const waiting = replicas.awaitLive({ epoch: EPOCH, revision: 6 }, 500);
  await vi.advanceTimersByTimeAsync(500);
  expect(await waiting).toMatchObject({ live: false, replicas: 0, silent: [{ replica: 'gw-1' }] });
});

test('a control plane that just started first gets to know who runs', async () => {
  const waiting = replicas.awaitLive({ epoch: EPOCH, revision: 6 }, 10_000);
  await vi.advanceTimersByTimeAsync(1_000);
  hear('gw-1', applying(5));
  await vi.advanceTimersByTimeAsync(1_400);
  hear('gw-1', applying(6));
  await vi.advanceTimersByTimeAsync(250);
  expect(await waiting).toMatchObject({ live: true, replicas: 1, waitedMs: 2_500 });
});
