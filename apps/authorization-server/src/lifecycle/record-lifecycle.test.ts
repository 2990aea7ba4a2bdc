import type { LifecycleRecord } from '@sallyport/messages';
import { createLogger } from '@sallyport/telemetry';
import { expect, test } from 'vitest';
import { LifecycleRecorder } from './record-lifecycle.js';

function recorder() {
  const stream = { isAway: false, arrived: [] as LifecycleRecord[] };
  const lines: string[] = [];
  const clock = { now: 1_800_000_000_000 };
  const publish = async (_replica: string, records: readonly unknown[]) => {
    if (stream.isAway) throw new Error('away');
    stream.arrived.push(...(records as LifecycleRecord[]));
  };
  const logger = createLogger({
    name: 'test',
    level: 'info',
    destination: { write: (line: string) => void lines.push(line) },
  });
  const events = { publish, consume: () => Promise.reject(new Error('nobody consumes here')) };
  return {
    stream,
    clock,
    lines,
    records: new LifecycleRecorder({ events, replica: 'authorization-server', logger, clock: () => clock.now }),
  };
}
const summed = (records: readonly LifecycleRecord[]) =>
  records
    .filter(({ type }) => type === 'events.summed')
    .map(({ reason, detail }) => [detail?.['of'], reason, detail?.['count']]);

test('what anybody can cause is recorded one by one up to a rate and then summed up per minute; what a user is named in never is (R80, S33)', async () => {
  const { stream, clock, records } = recorder();
  for (let i = 0; i < 3_000; i++) {
    records.record({ type: 'token.refused', clientId: `client-${i}`, reason: 'invalid_client' });
    records.record({ type: 'user.sign_in_failed', reason: 'state_unknown' });
    records.record({ type: 'agent.registered', clientId: `agent-${i}` });
    if (i % 10 === 0) records.record({ type: 'token.refused', userId: 'usr_alice', reason: 'not admitted' });
  }
  clock.now += 60_000;
  records.sumUp();
  await records.close();
  const ofNobody = stream.arrived.filter(({ type, userId }) => userId === undefined && type !== 'events.summed').length;
  expect(ofNobody).toBe(3 * 60);
  expect(stream.arrived.filter(({ userId }) => userId === 'usr_alice')).toHaveLength(300);
  const sums = summed(stream.arrived);
  expect(sums.map(([of, reason]) => [of, reason])).toEqual([
    ['token.refused', 'invalid_client'],
    ['user.sign_in_failed', 'state_unknown'],
    ['agent.registered', 'unsaid'],
  ]);
  expect(sums.reduce((total, [, , count]) => total + Number(count), ofNobody)).toBe(9_000);
});

test('records there is no room for while the stream is away are counted, said to be lost once, and told of afterwards (S33)', async () => {
  const { stream, lines, records } = recorder();
  stream.isAway = true;
  for (let i = 0; i < 10_005; i++) records.record({ type: 'token.issued', userId: 'usr_alice' });
  expect([records.waiting, lines.filter((line) => line.includes('are counted, and lost')).length]).toEqual([10_000, 1]);
  stream.isAway = false;
  await records.close();
  records.sumUp('all');
  await records.close();
  expect(stream.arrived.filter(({ type }) => type === 'token.issued')).toHaveLength(10_000);
  expect(summed(stream.arrived)).toEqual([['token.issued', 'lost: the event stream was away', 5]]);
});
