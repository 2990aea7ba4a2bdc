import { describe, expect, test } from 'vitest';
import { judgeRefreshes, type StoredConnection } from './judge-refreshes.js';
import type { IssuedToken } from './single-use-provider.js';

const AT = 1_000_000;

/** `r1` → `r2` → `r3`, exchanged a minute apart; the last is good. */
function chain(): { log: Map<string, IssuedToken>; at: (index: number) => IssuedToken } {
  const tokens = ['r1', 'r2', 'r3'].map((value): IssuedToken => ({ value, owner: 'usr_a', accessToken: `a-${value}`, successor: undefined, spentAt: 0, isAnswerLost: false, replays: [] }));
  for (const [index, token] of tokens.entries()) {
    token.successor = tokens[index + 1];
    if (token.successor) token.spentAt = AT + index * 60_000;
  }
  return { log: new Map(tokens.map((token) => [token.value, token])), at: (index) => tokens[index] ?? expect.fail('there are three') };
}
const holding = (refreshToken: string, state = 'connected'): StoredConnection => ({ owner: 'usr_a', state, refreshToken, accessToken: `a-${refreshToken}` });
const calm = { killedAt: [], graceMs: 0 };

describe('what is held against the provider\'s log (B3)', () => {
  test('nothing, when the newest token is stored', () => {
    expect(judgeRefreshes([holding('r3')], chain().log, calm)).toEqual({ lost: 0, rotations: 2, replays: 0, problems: [] });
  });
  test('a loss is one only when its answer was cut or a process died, and it says so', () => {
    const { log, at } = chain();
    expect(judgeRefreshes([holding('r2', 'needs_reconnect')], log, calm).problems).toEqual(['usr_a: lost without a cut answer or a killed process']);
    expect(judgeRefreshes([holding('r2', 'needs_reconnect')], log, { ...calm, killedAt: [at(1).spentAt + 1_000] })).toMatchObject({ lost: 1, problems: [] });
    at(1).isAnswerLost = true;
    expect(judgeRefreshes([holding('r2', 'needs_reconnect')], log, calm).problems).toEqual([]);
    expect(judgeRefreshes([holding('r2')], log, calm).problems).toEqual(['usr_a: lost, and shown as connected']);
    expect(judgeRefreshes([holding('r2', 'needs_reconnect')], log, { ...calm, graceMs: 30_000 }).problems).toEqual(['usr_a: lost although the provider allows a repeat']);
  });
  test('a good grant that is given up', () => {
    expect(judgeRefreshes([holding('r3', 'needs_reconnect')], chain().log, calm).problems).toEqual(['usr_a: works, and is shown as needs_reconnect']);
  });
  test('a token shown again outside the grace, or after its successor', () => {
    const { log, at } = chain();
    at(0).replays.push(AT + 5_000);
    expect(judgeRefreshes([holding('r3')], log, calm).problems).toEqual(['usr_a: a token was presented again outside the grace']);
    expect(judgeRefreshes([holding('r3')], log, { ...calm, graceMs: 30_000 }).problems).toEqual([]);
    at(0).replays.push(AT + 61_000);
    expect(judgeRefreshes([holding('r3')], log, { ...calm, graceMs: 30_000 }).problems).toEqual(['usr_a: a token was presented after its successor']);
  });
  test('another user\'s credential, and one that was never issued', () => {
    expect(judgeRefreshes([{ ...holding('r3'), owner: 'usr_b' }], chain().log, calm).problems).toEqual(['usr_b: holds a credential of usr_a']);
    expect(judgeRefreshes([holding('r9')], chain().log, calm).problems).toEqual(['usr_a: the stored token was never issued']);
  });
});
