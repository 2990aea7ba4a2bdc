import { describe, expect, it } from 'vitest';
import { decide, examine } from './index.js';
import type { AccessRequest } from './index.js';
import { as, c2g, caller, g2s, NOW, policies } from './testing/notes-policies.js';

const request: AccessRequest = {
  server: 'notes',
  action: { type: 'tool', name: 'create_note' },
  sourceIp: '192.0.2.1',
  now: NOW,
};
const set = policies(
  c2g({ conditions: { mfa: true } }, 'a-with-mfa'),
  c2g({}, 'b-everybody'),
  g2s({ tools: [{ match: ['get_*'] }] }, 'a-reads'),
  g2s({ tools: [{ match: ['create_*'], roles: ['admin'] }] }, 'b-admins'),
  g2s({ users: { trustProvider: 'demo', groups: ['elsewhere'] }, tools: [{ match: ['**'] }] }, 'c-others'),
  g2s({ conditions: { mfa: true }, tools: [{ match: ['create_*'] }] }, 'd-with-mfa'),
  g2s({ tools: [{ match: ['create_*'], scope: 'notes.admin' }] }, 'e-never-granted'),
  g2s({ tools: [{ match: ['create_*'], scope: 'notes.write' }] }, 'f-step-up'),
  g2s({ tools: [{ match: ['create_*'] }] }, 'g-holds'),
);
const told = (who = caller) => {
  const { clientToGateway, gatewayToServer } = examine(set, who, request);
  return [clientToGateway, gatewayToServer()].map((hop) =>
    hop.policies.map(({ name }, index) => [name, hop.verdictOf(index), ...hop.scopesOf(index)]),
  );
};

describe('examine', () => {
  it('says of every policy that applies to the caller whether it holds, and if not why (R29)', () => {
    expect(told()).toEqual([
      [
        ['a-with-mfa', 'mfa_required'],
        ['b-everybody', 'holds'],
      ],
      [
        ['a-reads', 'tool_not_granted'],
        ['b-admins', 'role_missing'],
        ['d-with-mfa', 'mfa_required'],
        ['e-never-granted', 'scope_not_entitled', 'notes.admin'],
        ['f-step-up', 'step-up', 'notes.write'],
        ['g-holds', 'holds'],
      ],
    ]);
  });

  it('is what decide picks from: the policy it names is one that is said to hold (R22, R29)', () => {
    const decision = decide(set, caller, request);
    expect([decision.outcome, decision.policies]).toEqual([
      'allow',
      { clientToGateway: 'b-everybody', gatewayToServer: 'g-holds' },
    ]);
    const [first, second] = told(as({ groups: ['elsewhere'] }));
    expect(first?.map(([, verdict]) => verdict)).toEqual(['mfa_required', 'holds']);
    expect(second?.map(([name]) => name)).toContain('c-others');
  });
});
