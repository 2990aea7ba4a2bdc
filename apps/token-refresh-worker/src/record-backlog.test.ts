import { eventually } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { RecordBacklog } from './record-backlog.js';

function backlog(publish: (batch: readonly number[]) => Promise<void>) {
  const problems: string[] = [];
  return {
    problems,
    records: new RecordBacklog<number>({ publish, pauseMs: 1, onProblem: (problem) => void problems.push(problem) }),
  };
}

test('records wait in order for a stream that is away, and each is sent once it is back (R80)', async () => {
  const arrived: number[] = [];
  let failures = 3;
  const { problems, records } = backlog(async (batch) => {
    if (failures-- > 0) throw new Error('away');
    arrived.push(...batch);
  });
  for (let i = 0; i < 250; i++) records.add(i);
  await eventually(() => arrived.length === 250);
  expect(arrived).toEqual(Array.from({ length: 250 }, (_, i) => i));
  expect(problems).toEqual(['waiting']);
});

test('memory is bounded: the oldest go first, and it is said that they do', async () => {
  const arrived: number[] = [];
  let isAway = true;
  const { problems, records } = backlog(async (batch) => {
    if (isAway) throw new Error('away');
    arrived.push(...batch);
  });
  for (let i = 0; i < 10_002; i++) records.add(i);
  isAway = false;
  await eventually(() => arrived.length === 10_000);
  expect([arrived[0], problems.filter((problem) => problem === 'dropped').length]).toEqual([2, 1]);
});

test('closing sends what waits, and does not wait for ever', async () => {
  const { problems, records } = backlog(() => Promise.reject(new Error('away')));
  records.add(1);
  await records.close(5);
  expect(problems).toEqual(['waiting', 'dropped']);
});
