import { expect, test } from 'vitest';
import { EndedSessions } from './ended-sessions.js';

const session = { id: 'mss_1', expiresAt: 2_000_000_000 };

test('a session that ended here is over at once, and announced until somebody took it (R64)', async () => {
  let refusals = 2;
  const announced: string[] = [];
  const problems: unknown[] = [];
  const ended = new EndedSessions({
    clock: Date.now, retryMs: 5, onProblem: (error) => problems.push(error),
    announce: async ({ id }) => {
      if (refusals-- > 0) throw new Error('the control plane is away');
      announced.push(id);
    },
  });
  expect(ended.has(session.id)).toBe(false);
  await ended.end(session);
  expect([ended.has(session.id), announced, problems.length]).toEqual([true, [], 1]);
  await expect.poll(() => announced).toEqual([session.id]);
  ended.stop();
});
