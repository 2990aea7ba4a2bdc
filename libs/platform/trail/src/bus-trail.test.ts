import type { LifecycleRecord } from '@sallyport/messages';
import { createLogger } from '@sallyport/telemetry';
import { expect, test } from 'vitest';
import { BusTrail } from './index.js';

function recorder() {
  const stream = { isAway: false, arrived: [] as LifecycleRecord[] };
  const lines: string[] = [];
  const clock = { now: 1_800_000_000_000 };
  const publish = async (records: readonly LifecycleRecord[]) => {
    if (stream.isAway) throw new Error('away');
    stream.arrived.push(...records);
  };
  const logger = createLogger({
    name: 'test',
    level: 'info',
    destination: { write: (line: string) => void lines.push(line) },
  });
  return {
    stream,
    clock,
    lines,
    records: new BusTrail({ publish, replica: 'authorization-server', logger, clock: () => clock.now }),
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
    records.record({ type: 'agent.consent_denied', clientId: `agent-${i}` });
    if (i % 10 === 0) records.record({ type: 'token.refused', userId: 'usr_alice', reason: 'not admitted' });
  }
  clock.now += 60_000;
  records.sumUp();
  await records.close();
  const ofNobody = stream.arrived.filter(({ type, userId }) => userId === undefined && type !== 'events.summed').length;
  expect(ofNobody).toBe(4 * 60);
  expect(stream.arrived.filter(({ userId }) => userId === 'usr_alice')).toHaveLength(300);
  const sums = summed(stream.arrived);
  expect(sums.map(([of, reason]) => [of, reason])).toEqual([
    ['token.refused', 'invalid_client'],
    ['user.sign_in_failed', 'state_unknown'],
    ['agent.registered', 'unsaid'],
    ['agent.consent_denied', 'unsaid'],
  ]);
  expect(sums.reduce((total, [, , count]) => total + Number(count), ofNobody)).toBe(12_000);
});

test('records there is no room for while the stream is away are counted, said to be lost once, and told of afterwards (S33)', async () => {
  const { stream, lines, records } = recorder();
  stream.isAway = true;
  for (let i = 0; i < 10_005; i++) records.record({ type: 'token.issued', userId: `usr_${i}` });
  expect([records.waiting, lines.filter((line) => line.includes('are counted, and lost')).length]).toEqual([10_000, 1]);
  stream.isAway = false;
  await records.close();
  records.sumUp('all');
  await records.close();
  expect(stream.arrived.filter(({ type }) => type === 'token.issued')).toHaveLength(10_000);
  expect(summed(stream.arrived)).toEqual([['token.issued', 'lost: the event stream was away', 5]]);
});

test("one user's records leave room for others' while the stream is away, and all of theirs are taken again when it is back (S32)", async () => {
  const { stream, records } = recorder();
  stream.isAway = true;
  const issue = (userId: string, times: number) =>
    Array.from({ length: times }, () => records.record({ type: 'token.issued', userId }));
  issue('usr_alice', 20_000);
  issue('usr_bob', 300);
  expect(records.waiting).toBe(5_000 + 300);
  stream.isAway = false;
  await records.close();
  issue('usr_alice', 1_000);
  records.sumUp('all');
  await records.close();
  expect(
    stream.arrived
      .filter(({ type }) => type === 'token.issued')
      .map(({ userId }) => userId)
      .slice(5_000),
  ).toEqual([...Array<string>(300).fill('usr_bob'), ...Array<string>(1_000).fill('usr_alice')]);
  expect(summed(stream.arrived)).toEqual([['token.issued', 'lost: the event stream was away', 15_000]]);
});
