import { createLogger } from '@sallyport/telemetry';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { configurationReadiness, degraded, notReady, startService, whileDue } from './index.js';
import type { ServiceScope } from './index.js';

let lines: { level: string; msg: string; failures?: number }[];
const logger = createLogger({
  name: 'test',
  level: 'info',
  destination: { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]) },
});
beforeEach(() => {
  lines = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const start = (open: (scope: ServiceScope) => Promise<void> | void, onOpened?: (what: string) => void) =>
  startService('gateway', { logger, ...(onOpened && { onOpened }) }, async (scope) => {
    await open(scope);
    return { gateway: 'http://127.0.0.1:1' };
  });
const said = () => lines.map(({ level, msg }) => `${level}: ${msg}`);

test('what a service opened is closed in reverse order, once, and one failure hides no other', async () => {
  const order: string[] = [];
  const service = await start(({ onClose }) => {
    onClose('database', () => void order.push('database'));
    onClose('bus', () => Promise.reject(new Error('not connected')));
    onClose('spool', () => {
      throw new Error('disk full');
    });
    onClose(
      'queues',
      () => Promise.reject(new Error('no Redis')),
      async () => void order.push('second queue'),
    );
    onClose('listener', async () => void order.push('listener'));
  });
  const closing = service.close();
  await expect(closing).rejects.toThrow('queues: no Redis; spool: disk full; bus: not connected');
  await expect(service.close()).rejects.toThrow(AggregateError);
  expect(order).toEqual(['listener', 'second queue', 'database']);
});

test('a start that fails closes what it opened, logs what does not close, and throws its own error', async () => {
  const order: string[] = [];
  const failed = start(({ onClose, every }) => {
    onClose('database', () => void order.push('database'));
    onClose('bus', () => Promise.reject(new Error('not connected')));
    every(1_000, () => order.push('round'), 'a round failed');
    throw new Error('port 1 is taken');
  });
  await expect(failed).rejects.toThrow('port 1 is taken');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(order).toEqual(['database']);
  expect(said()).toEqual(['error: closing bus failed']);
});

test('a start can be broken off after each thing it opens', async () => {
  const open = ({ onClose, every }: ServiceScope): void => {
    onClose('database', () => undefined);
    every(1_000, () => undefined, 'a round failed');
  };
  const steps: string[] = [];
  await start(open, (what) => steps.push(what));
  expect(steps).toEqual(['database', 'periodic work (a round failed)']);
  for (const step of steps)
    await expect(
      start(open, (what) => {
        if (what === step) throw new Error(`broken off after ${what}`);
      }),
    ).rejects.toThrow(`broken off after ${step}`);
  expect(vi.getTimerCount()).toBe(1);
});

test('a round that takes longer than the interval has none beside it, and is told and awaited when the service closes', async () => {
  const order: string[] = [];
  const service = await start(({ every }) =>
    every(
      1_000,
      async (stopping) => {
        order.push('begins');
        await new Promise((resolve) => stopping.addEventListener('abort', resolve));
        order.push('ends');
      },
      'a round failed',
    ),
  );
  await vi.advanceTimersByTimeAsync(5_500);
  expect(order).toEqual(['begins']);
  await service.close();
  expect(order).toEqual(['begins', 'ends']);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(order).toEqual(['begins', 'ends']);
});

test('work that is found in rounds goes on while there is some, and no longer than the service', async () => {
  const found = [2, 1, 0, 7, 7];
  let rounds = 0;
  const service = await start(({ every }) =>
    every(
      1_000,
      whileDue(async () => found[rounds++] ?? 1),
      'nothing could be done',
    ),
  );
  await vi.advanceTimersByTimeAsync(1_000);
  expect(rounds).toBe(3);
  vi.advanceTimersByTime(1_000);
  await service.close();
  expect(rounds).toBeLessThan(7);
});

test('of the failures of a round each kind is logged once, and that they are over, too', async () => {
  const outcomes = [
    Object.assign(new Error('no connection at 10:01'), { code: 'ECONNREFUSED' }),
    Object.assign(new Error('no connection at 10:02'), { code: 'ECONNREFUSED' }),
    new TypeError('rows is not iterable'),
    Object.assign(new Error('no connection at 10:03'), { code: 'ECONNREFUSED' }),
    undefined,
    undefined,
    Object.assign(new Error('no connection at 10:06'), { code: 'ECONNREFUSED' }),
  ];
  let round = 0;
  await start(({ every }) =>
    every(
      1_000,
      () => {
        const outcome = outcomes[round++];
        if (outcome) throw outcome;
      },
      'rows could not be removed',
    ),
  );
  await vi.advanceTimersByTimeAsync(outcomes.length * 1_000);
  expect(said()).toEqual([
    'warn: rows could not be removed',
    'warn: rows could not be removed',
    'info: no longer: rows could not be removed',
    'warn: rows could not be removed',
  ]);
  expect(lines[2]?.failures).toBe(4);
});

test('a service is as ready as the worst of its checks, with the reasons of all, the worst first (R77)', async () => {
  let connected = true;
  let staleForMs = 0;
  const service = await start(({ readiness }) => {
    readiness(() => degraded(!connected && 'the bus is not connected', undefined));
    readiness(() =>
      configurationReadiness({ ready: true, stale: staleForMs > 10_000, staleForMs }, { tellLate: true }),
    );
  });
  expect(service.readiness()).toEqual({ status: 'ready', reasons: [] });
  connected = false;
  staleForMs = 6_000;
  expect(service.readiness()).toEqual({
    status: 'degraded',
    reasons: ['the bus is not connected', 'no sign of life of the control plane for 6 s'],
  });
  staleForMs = 11_000;
  expect(service.readiness()).toEqual({
    status: 'not-ready',
    reasons: ['the configuration is older than the staleness bound', 'the bus is not connected'],
  });
  expect(configurationReadiness({ ready: false, stale: true, staleForMs })).toEqual(
    notReady('the configuration has not arrived'),
  );
});
