import { describe, expect, test } from 'vitest';
import { decide, steadinessOf } from './index.js';
import type { Action } from './index.js';
import { as, c2g, caller, g2s, NOW, policies } from './testing/notes-policies.js';

const signedInAt = NOW / 1000;
const who = as({ authTime: signedInAt });
const tools = [{ match: ['**'] }];
const steadiness = (...given: Parameters<typeof policies>) => steadinessOf(policies(...given), who, 'notes', NOW);

describe('what was decided stays decided', () => {
  test('for ever, where nothing is looked at but documents, caller, address and operation (S29)', () => {
    const { until, looksAtArguments } = steadiness(
      c2g({ conditions: { mfa: true, sourceCidrs: ['192.0.2.0/24'] } }),
      g2s({ tools, when: 'user.groups.size() > 0 && tool.name == "a"' }),
    );
    expect([until, looksAtArguments]).toEqual([Infinity, false]);
  });
  test('until a sign-in is too old, at either hop (R25)', () => {
    const [first, second] = [
      c2g({ conditions: { maxAuthAge: '1h' } }),
      g2s({ tools, conditions: { maxAuthAge: '30m' } }),
    ];
    expect(steadiness(first, g2s({ tools })).until).toBe(NOW + 3_600_000);
    expect(steadiness(first, second).until).toBe(NOW + 1_800_000);
  });
  test('until a sign-in that a fast clock dated in the future is not too far in it any more', () => {
    const set = policies(c2g({ conditions: { maxAuthAge: '1h' } }), g2s({ tools }));
    const early = as({ authTime: signedInAt + 100 });
    expect(steadinessOf(set, early, 'notes', NOW).until).toBe(NOW + 40_000);
  });
  test.each([
    ['hours', { conditions: { hours: 'Mon-Fri 07:00-20:00 UTC' } }],
    [
      'an expression over the request, which has the time',
      { when: 'request.time > timestamp("2020-01-01T00:00:00Z")' },
    ],
  ])('for no time at all under %s', (_what, spec) => {
    expect(steadiness(c2g({}), g2s({ tools, ...spec })).until).toBe(NOW);
    expect(steadiness(c2g(spec), g2s({ tools })).until).toBe(NOW);
  });
  test('but not for other arguments, where a policy looks at them', () => {
    expect(steadiness(c2g({}), g2s({ tools, when: 'tool.arguments.n < 5' })).looksAtArguments).toBe(true);
  });
  test('whatever is at other servers, and for others (R22)', () => {
    const elsewhere = g2s(
      { tools, server: 'other', credentialProvider: 'other-none', when: 'tool.arguments.n < 5' },
      'elsewhere',
    );
    const others = g2s(
      { tools, users: { groups: ['others'], trustProvider: 'demo' }, conditions: { maxAuthAge: '1m' } },
      'others',
    );
    expect(steadiness(c2g({}), g2s({ tools }), elsewhere, others)).toEqual({
      until: Infinity,
      looksAtArguments: false,
    });
  });
});

test('a decision is the same at every moment before the time that is said, and another one after it (S29)', () => {
  const set = policies(c2g({ conditions: { maxAuthAge: '1h' } }), g2s({ tools, conditions: { maxAuthAge: '30m' } }));
  const action: Action = { type: 'tool', name: 'a' };
  const at = (now: number) => decide(set, who, { server: 'notes', action, sourceIp: null, now }).outcome;
  const { until } = steadinessOf(set, who, 'notes', NOW);
  for (let now = NOW; now < until; now += 60_000) expect(at(now)).toBe('allow');
  expect([at(until - 1), at(until + 1)]).toEqual(['allow', 'deny']);
  expect(caller.authTime).not.toBe(who.authTime);
});
