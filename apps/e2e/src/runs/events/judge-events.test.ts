import { expect, test } from 'vitest';
import { judgeEvents, type Outage, type Stored } from './judge-events.js';
import type { Arrived, Called } from './journals.js';

const writer = 'gateway-1/boot';
const call = (name: string, more: Partial<Called> = {}): Called => ({
  ...{ traceId: name, gateway: 0, sentAt: 1_000, endedAt: 1_010 },
  ...more,
});
/** Both events of calls that were recorded in this order. */
const recorded = (...names: readonly string[]): Stored[] =>
  names.flatMap((traceId, index) =>
    ['request', 'response'].map((what, second) => ({
      ...{ sequence: 2 * index + second, id: `${traceId}-${what}`, type: `mcp.${what}`, traceId, writer, n: index + 1 },
    })),
  );
const arrivals = (stored: readonly Stored[]): Arrived[] => stored.map((event) => ({ ...event, arrivedAt: 2_000 }));
const whole = recorded('a', 'b');
const calls = [call('a'), call('b')];
const judge = (given: {
  calls?: readonly Called[];
  stored?: readonly Stored[];
  arrived?: readonly Arrived[];
  outages?: readonly Outage[];
}) => {
  const { stored = whole } = given;
  return judgeEvents(given.calls ?? calls, { outages: [], arrived: arrivals(stored), ...given, stored });
};
const outage: Outage = { what: 'gateway-1', gateway: 0, from: 1_005, until: 1_500 };
const refused = call('c', { failure: 'ECONNREFUSED' });

test('a whole trail, repetitions at the receiver among it, has nothing wrong', () => {
  expect(judge({})).toEqual([]);
  expect(judge({ arrived: [...arrivals(whole), ...arrivals(whole.slice(1, 2))] })).toEqual([]);
});

test.each<readonly [string, Parameters<typeof judge>[0], RegExp]>([
  ['an answered call without its response', { stored: whole.slice(0, 3) }, /^1 do not have one request and one/],
  [
    'an answered call that was recorded twice',
    { stored: [...whole, ...recorded('a').map((event) => ({ ...event, id: `again-${event.id}`, n: 3 }))] },
    /^1 do not have one request and one/,
  ],
  [
    'a failed call that was recorded twice',
    {
      calls: [...calls, { ...refused, traceId: 'b' }],
      stored: [...whole, ...recorded('b').map((event) => ({ ...event, id: `again-${event.id}`, n: 3 }))],
      outages: [outage],
    },
    /^2 do not have one request and one/,
  ],
  [
    'a store in another order than the writer’s',
    { stored: [...whole.slice(2), ...whole.slice(0, 2)], arrived: arrivals(whole) },
    /^2 are in the store before an earlier one/,
  ],
  ['an event that did not arrive', { arrived: arrivals(whole.slice(1)) }, /^1 are in the store and did not arrive/],
  [
    'first arrivals in another order',
    { arrived: arrivals([...whole.slice(2), ...whole]) },
    /^2 arrived before an earlier one/,
  ],
  ['a call that failed while all was well', { calls: [...calls, refused] }, /^1 failed, and nothing of theirs/],
  [
    'a call that failed at the other gateway',
    { calls: [...calls, { ...refused, gateway: 1 }], outages: [outage] },
    /^1 failed, and nothing of theirs/,
  ],
  [
    'a call that failed after the gateway was back',
    { calls: [...calls, { ...refused, sentAt: 1_501, endedAt: 1_502 }], outages: [outage] },
    /^1 failed, and nothing of theirs/,
  ],
  [
    'a call that was answered with an error while the gateway came back',
    { calls: [...calls, { ...refused, failure: 'answered 503: overloaded' }], outages: [outage] },
    /^1 failed, and nothing of theirs/,
  ],
])('tells of %s', (_what, given, problem) => {
  expect(judge(given)).toEqual([expect.stringMatching(problem)]);
});

test.each(['ECONNREFUSED', 'answered 503: {"message":"The gateway is not ready."}'])(
  '%s while the gateway was away is what was killed',
  (failure) => {
    expect(judge({ calls: [...calls, { ...refused, failure }], outages: [outage] })).toEqual([]);
  },
);
