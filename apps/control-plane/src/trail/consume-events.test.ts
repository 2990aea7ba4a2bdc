import type { AuditEvent } from '@sallyport/audit';
import type { EventHandler } from '@sallyport/messaging';
import { createLogger } from '@sallyport/telemetry';
import { expect, test } from 'vitest';
import { consumeEvents } from './consume-events.js';

const logger = createLogger({ name: 'test', level: 'fatal', destination: { write: () => undefined } });

test('a replica numbers records as its own processes only, never half, and tells nothing of the trail (S26)', async () => {
  const stored: AuditEvent[] = [];
  let deliver: EventHandler | undefined;
  await consumeEvents(
    {
      publish: () => Promise.resolve(),
      publishLines: () => Promise.resolve(),
      consume: (handler) => {
        deliver = handler;
        return Promise.resolve(() => Promise.resolve());
      },
    },
    {
      store: { append: async (events) => void stored.push(...events) },
      isGateway: () => Promise.resolve(false),
      onRecords: () => Promise.resolve(),
      logger,
      onOutcome: () => undefined,
    },
  );
  const record = (id: string, numbered: object) => ({
    v: 1,
    type: 'token.issued',
    id,
    replica: 'as-1',
    at: 1,
    ...numbered,
  });
  const records = [
    record('own', { writer: 'as-1.0123456789ab', n: 1 }),
    record('of an older version', {}),
    record("another's", { writer: 'as-2.0123456789ab', n: 2 }),
    record('without a number', { writer: 'as-1.0123456789ab' }),
    record('without a writer', { n: 3 }),
    record('of the trail', { type: 'audit.checkpoint', detail: { number: 1, ofWriter: 'as-1', text: 'x' } }),
  ];
  await deliver?.([{ replica: 'as-1', records, waiting: 0 }]);
  expect(stored.map(({ id, n }) => [id, n])).toEqual([
    ['own', 1],
    ['of an older version', undefined],
  ]);
});
