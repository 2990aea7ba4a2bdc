import { namedId } from '@sallyport/kernel';
import { describe, expect, it } from 'vitest';
import { MACHINES, serversFor, visible } from './index.js';
import { caller, as, c2g, g2s, policies, tool, summary, ask } from './testing/notes-policies.js';

describe('an agent without a human (R5)', () => {
  const machine = as({
    userId: namedId('agt', 'nightly'),
    trustProvider: MACHINES,
    subject: 'nightly',
    clientId: 'nightly',
    groups: [],
    amr: [],
    authTime: 0,
  });
  const other = { server: 'other', credentialProvider: 'other-none', tools: [{ match: ['*'] }] };
  const machines = (value: string) => ({ agents: { machines: value } });

  it.each<[string, object, object]>([
    ['allow', machines('also'), machines('also')],
    ['allow', machines('only'), machines('only')],
    ['deny no_client_to_gateway_policy', {}, machines('also')],
    ['deny no_client_to_gateway_policy', machines('never'), machines('also')],
    ['deny no_client_to_gateway_policy', { agents: { clientIds: ['nightly'] } }, machines('also')],
    ['deny no_client_to_gateway_policy', { ...machines('also'), trustProviders: ['demo'] }, machines('also')],
    ['deny mfa_required', { ...machines('also'), conditions: { mfa: true } }, machines('also')],
    ['deny authentication_too_old', { ...machines('also'), conditions: { maxAuthAge: '365d' } }, machines('also')],
    ['deny no_gateway_to_server_policy', machines('also'), {}],
  ])('is answered %s where both hops say %j and %j (R5, R23)', (expected, first, second) => {
    expect(
      summary(ask(policies(c2g(first), g2s({ ...other, ...second })), machine, tool('run'), { server: 'other' })),
    ).toBe(expected);
  });

  it("never reaches a server with a credential that is a person's, nor sees it (R5, R34)", () => {
    const set = policies(c2g(machines('also')), g2s(machines('also')));
    expect(summary(ask(set, machine, tool('ping')))).toBe('deny no_gateway_to_server_policy');
    expect(summary(ask(set, machine, { type: 'lease', policy: 'notes-policy' }))).toBe(
      'deny no_gateway_to_server_policy',
    );
    expect([serversFor(set, machine), visible(set, machine, 'notes', { type: 'tool', name: 'ping' })]).toEqual([
      [],
      false,
    ]);
    expect(summary(ask(set, caller, tool('ping')))).toBe('allow');
  });

  it('is all that a policy for machines only lets in (R5)', () => {
    const set = policies(c2g(machines('only')), g2s({ ...other, ...machines('only') }));
    expect(summary(ask(set, caller, tool('run'), { server: 'other' }))).toBe('deny no_client_to_gateway_policy');
  });
});
