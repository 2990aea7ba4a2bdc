import { expect, test } from 'vitest';
import { UserPace } from './user-pace.js';

test('a user who takes too much waits, and nobody else does (S32)', () => {
  let now = 1_000_000;
  const pace = new UserPace(() => now, { burst: 4, perSecond: 2 });
  const take = (userId: string, times: number) => Array.from({ length: times }, () => pace.take(userId));
  expect(take('usr_a', 6)).toEqual([undefined, undefined, undefined, undefined, 1, 1]);
  expect(take('usr_b', 1)).toEqual([undefined]);
  now += 1_000;
  expect(take('usr_a', 3)).toEqual([undefined, undefined, 1]);
  now += 2_000;
  expect([pace.take('usr_a', 3), pace.take('usr_a', 2), pace.take('usr_a', 2)]).toEqual([undefined, 1, 1]);
  now += 3_600_000;
  expect(take('usr_a', 5)).toEqual([undefined, undefined, undefined, undefined, 1]);
  now -= 86_400_000;
  expect(take('usr_a', 1)).toEqual([1]);
  now += 1_000;
  expect(take('usr_a', 3)).toEqual([undefined, undefined, 1]);
});
