import { expect, test } from 'vitest';
import { livenessOf } from './wait-until-live.js';

const replica = (name: string, revision: number | null, more: object = {}) => ({
  service: 'gateway',
  replica: name,
  worker: null,
  version: '0.1.0',
  startedAt: '2026-11-30T11:00:00.000Z',
  heardAt: '2026-11-30T11:00:00.000Z',
  isSilent: false,
  configuration: revision === null ? null : { epoch: 'e1', revision },
  isBehind: false,
  readiness: { status: 'ready' as const, reasons: [] },
  faults: [],
  clockOffByMs: 0,
  ...more,
});
const wanted = { epoch: 'e1', revision: 7 };

test('a revision is live when every gateway that runs reports it or a later one, of the same epoch', () => {
  const replicas = [
    replica('g1', 7),
    replica('g2', 9),
    replica('g3', 3, { isSilent: true }),
    replica('worker', 1, { service: 'token-refresh-worker' }),
  ];
  expect(livenessOf({ replicas }, wanted)).toEqual({ gateways: 2, waiting: [] });
});

test.each([
  ['an earlier one', replica('g1', 6)],
  ['none yet', replica('g1', null)],
  ['one of another epoch', replica('g1', 9, { configuration: { epoch: 'e2', revision: 9 } })],
])('a gateway that reports %s is waited for', (_what, one) => {
  expect(livenessOf({ replicas: [one, replica('g2', 7)] }, wanted)).toEqual({ gateways: 2, waiting: ['g1'] });
});
