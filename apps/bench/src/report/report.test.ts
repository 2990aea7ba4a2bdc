import { expect, test } from 'vitest';
import type { Round } from '../measure/measure-round.js';
import type { ScenarioRun } from '../run-scenario.js';
import type { Subject } from '../subjects/subject.js';
import { failuresOf } from './gate.js';
import { percentile, spreadOf } from './percentile.js';
import { summarise } from './summarise.js';
import { textOf } from './text.js';

const round = (facts: Partial<Round>): Round => ({
  requests: 1_000,
  seconds: 1,
  requestsPerSecond: 1_000,
  cpuPerCall: 100,
  rssMebibytes: 100,
  grownMebibytes: 1,
  p50: 1,
  p99: 5,
  p999: 9,
  max: 10,
  errors: 0,
  wrong: [],
  events: undefined,
  ...facts,
});
const subject = (name: Subject['name']): Subject => ({
  name,
  title: `the ${name} one`,
  origin: 'http://127.0.0.1:1',
  pid: 1,
  stop: () => Promise.resolve(),
});
const events = { backlog: 10, drainMs: 20, cpuPerEvent: 30, lost: 0 };
const runOf = (
  rounds: readonly { bare: Partial<Round>; own: Partial<Round>; half?: Partial<Round> }[],
): ScenarioRun => ({
  scenario: { name: 'hot', about: 'Told.' },
  notes: { distributed: { 'so much': 3 } },
  subjects: [subject('bare'), subject('distributed')],
  rounds: rounds.map(
    ({ bare, own, half }) =>
      new Map([
        ['bare' as const, { full: round(bare), half: half && round({}) }],
        ['distributed' as const, { full: round({ events, ...own }), half: half && round(half) }],
      ]),
  ),
});
const productOf = (run: ScenarioRun) => {
  const figures = summarise(run).subjects.find(({ name }) => name === 'distributed');
  if (figures === undefined) throw new Error('the product is not in the summary');
  return figures;
};

test('percentiles are nearest ranks', () => {
  expect([percentile([1, 2, 3, 4], 0.5), percentile([1, 2, 3, 4], 0.99), percentile([], 0.5)]).toEqual([
    2,
    4,
    Number.NaN,
  ]);
});

test('a spread is the median, the least and the most', () => {
  expect(spreadOf([9, 1, 5])).toEqual({ median: 5, least: 1, most: 9 });
  expect(spreadOf([1, 9, 5, 3])).toEqual({ median: 4, least: 1, most: 9 });
});

test('a ratio is that of one round: a slow moment that met both subjects changes none', () => {
  const fast = {
    bare: { requestsPerSecond: 1_000, cpuPerCall: 100 },
    own: { requestsPerSecond: 500, cpuPerCall: 300 },
  };
  const slow = { bare: { requestsPerSecond: 100, cpuPerCall: 200 }, own: { requestsPerSecond: 50, cpuPerCall: 600 } };
  const { rpsRatio, cpuRatio, requestsPerSecond } = productOf(runOf([fast, slow, fast]));
  expect(rpsRatio).toEqual({ median: 0.5, least: 0.5, most: 0.5 });
  expect(cpuRatio).toEqual({ median: 3, least: 3, most: 3 });
  expect(requestsPerSecond).toEqual({ median: 500, least: 50, most: 500 });
});

test('added latency is taken at half the load, from the rounds that have it', () => {
  const { p50Added, p99Added, half } = productOf(
    runOf([
      { bare: {}, own: { p50: 70 }, half: { p50: 1.5, p99: 7, requestsPerSecond: 250 } },
      { bare: {}, own: { p50: 80 } },
    ]),
  );
  expect([p50Added.median, p99Added.median, half.perSecond.median]).toEqual([0.5, 2, 250]);
});

test('errors of every round count, whatever the load was', () => {
  const figures = productOf(runOf([{ bare: {}, own: { errors: 1, wrong: ['one'] }, half: { errors: 2 } }]));
  expect(figures).toMatchObject({ errors: 3, wrong: ['one'] });
  expect(failuresOf('hot', figures, undefined)).toEqual([
    'hot: the distributed one did not answer 3 calls as asked: one',
  ]);
});

test('the product fails below the ratio of calls and above the ratio of processor time, and nowhere else', () => {
  const gate = { leastRpsRatio: 0.5, mostCpuRatio: 2 };
  const fails = (requestsPerSecond: number, cpuPerCall: number) =>
    failuresOf('hot', productOf(runOf([{ bare: {}, own: { requestsPerSecond, cpuPerCall } }])), gate).length;
  expect([fails(500, 200), fails(499, 200), fails(500, 201), fails(499, 201)]).toEqual([0, 1, 1, 2]);
});

test('processor time is judged in the best round, calls a second by the median of them', () => {
  const gate = { leastRpsRatio: 0.5, mostCpuRatio: 2 };
  const slow = { bare: {}, own: { requestsPerSecond: 100, cpuPerCall: 900 } };
  const good = { bare: {}, own: { requestsPerSecond: 500, cpuPerCall: 200 } };
  expect(failuresOf('hot', productOf(runOf([slow, good, good])), gate)).toEqual([]);
  expect(failuresOf('hot', productOf(runOf([slow, good, slow])), gate)).toEqual([
    "hot: the distributed one answers 0.10 of the bare proxy's calls, less than 0.5",
  ]);
});

test('an event that was never stored fails the product', () => {
  const figures = productOf(runOf([{ bare: {}, own: { events: { ...events, lost: 2 } } }]));
  expect(failuresOf('hot', figures, undefined)).toEqual(['hot: the distributed one lost 2 events']);
});

test('the text has a column for each subject, with medians and spread', () => {
  const text = textOf(summarise(runOf([{ bare: {}, own: { requestsPerSecond: 250 } }])));
  expect(text).toMatch(/^ +bare +distributed$/m);
  expect(text).toMatch(/^ {2}against bare +1\.00 \(1\.00–1\.00\) +0\.25 \(0\.25–0\.25\)$/m);
  expect(text).not.toMatch(/^ {2}p50 ms/m); // nothing was measured at half the load
  expect(text).toContain('distributed: so much: 3.00');
});
