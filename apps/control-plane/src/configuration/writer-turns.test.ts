import { expect, test } from 'vitest';
import { WriterTurns } from './writer-turns.js';
import type { Urgency } from './writer-turns.js';

test('one writes at a time; a revocation goes ahead of all that waits, and what agents cause comes last (S34)', async () => {
  const turns = new WriterTurns();
  const order: string[] = [];
  let running = 0;
  const write = (name: string, urgency: Urgency) =>
    turns.take(urgency, async () => {
      expect(++running).toBe(1);
      await Promise.resolve();
      order.push(name);
      running--;
      if (name === 'failing') throw new Error('the database is away');
    });
  const writes = [
    write('first', 'caused'),
    write('failing', 'caused'),
    ...Array.from({ length: 50 }, () => write('caused', 'caused')),
    write('edit', 'administration'),
    write('revocation', 'revocation'),
  ];
  await Promise.allSettled(writes);
  expect(order.slice(0, 5)).toEqual(['first', 'revocation', 'edit', 'failing', 'caused']);
  await write('later', 'caused');
  expect([order.length, order.at(-1)]).toEqual([55, 'later']);
});
