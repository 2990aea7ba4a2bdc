import { describe, expect, it } from 'vitest';
import { visible } from './index.js';
import type { Action } from './index.js';
import { NOW, caller, as, c2g, g2s, policies, tool, summary, ask } from './testing/notes-policies.js';

describe('decide, by kind of operation', () => {
  it('denies what is more than an expression may go through, says so, and lets no other expression of the decision pay for it (S29)', () => {
    const recipients = Array.from({ length: 20_000 }, (_, index) => `person-${index}@company.example`);
    const listed = g2s({ when: 'tool.arguments.recipients.all(r, r in tool.arguments.approved)' });
    const asked = tool('get_note', { arguments: { recipients, approved: recipients, owner: 'acme' } });
    expect(summary(ask(policies(c2g(), listed), caller, asked))).toBe('deny expression_over_budget');
    expect(
      summary(ask(policies(c2g(), listed, g2s({ when: 'tool.arguments.owner == "acme"' }, 'owners')), caller, asked)),
    ).toBe('allow');
    expect(
      summary(
        ask(
          policies(c2g(), listed),
          caller,
          tool('get_note', { arguments: { recipients: recipients.slice(0, 100), approved: recipients.slice(0, 100) } }),
        ),
      ),
    ).toBe('allow');
  });

  it('bounds what the expressions of many policies may spend together (S29)', () => {
    const text = 'a'.repeat(500_000);
    const costly = Array.from({ length: 40 }, (_, index) =>
      g2s({ when: `tool.arguments.text.contains("b${index}")` }, `costly-${index}`),
    );
    const asked = tool('get_note', { arguments: { text } });
    expect(
      summary(
        ask(policies(c2g(), ...costly.slice(0, 3), g2s({ when: 'tool.arguments.text != ""' }, 'last')), caller, asked),
      ),
    ).toBe('allow');
    expect(
      summary(ask(policies(c2g(), ...costly, g2s({ when: 'tool.arguments.text != ""' }, 'last')), caller, asked)),
    ).toBe('deny expression_false');
  });

  it.each<Action>([
    { type: 'connect' },
    { type: 'list-tools' },
    { type: 'list-resources' },
    { type: 'list-prompts' },
    { type: 'lease' },
  ])('lets %j reach the server without a scope, and never where no policy does (R35)', (action) => {
    const none = as({ scopes: new Set() });
    expect(summary(ask(policies(c2g(), g2s({ when: 'tool.annotations.readOnlyHint' })), none, action))).toBe('allow');
    expect(summary(ask(policies(c2g(), g2s({ conditions: { mfa: true } })), none, action))).toBe('deny mfa_required');
    expect(summary(ask(policies(c2g(), g2s({ when: '"admins" in user.groups' })), none, action))).toBe(
      'deny expression_false',
    );
    expect(summary(ask(policies(c2g()), none, action))).toBe('deny no_gateway_to_server_policy');
  });

  it.each<[string, string, object]>([
    ['allow', 'weekly', {}],
    ['step-up notes.write', 'draft_mail', {}],
    ['deny role_missing', 'audit', {}],
    ['deny prompt_not_granted', 'other', {}],
    ['deny prompt_not_granted', 'get_note', {}],
    ['allow', 'weekly', { when: 'request.kind == "prompt" && request.name == "weekly"' }],
    ['deny expression_failed', 'weekly', { when: 'tool.annotations.readOnlyHint' }],
  ])('answers %s for the prompt %s under %j (R54) (R62)', (expected, name, spec) => {
    const prompts = [
      { match: ['weekly', 'audit'], scope: 'notes.read' },
      { match: ['draft_*'], scope: 'notes.write' },
      { match: ['audit'], roles: ['admin'] },
    ];
    const set = policies(c2g(), g2s({ prompts, ...spec }));
    expect(summary(ask(set, caller, { type: 'prompt', name }))).toBe(expected);
    expect(visible(set, caller, 'notes', { type: 'prompt', name })).toBe(!expected.startsWith('deny'));
  });

  it('decides the view of a tool as the tool, but for its arguments (R65)', () => {
    const view = (name: string): Action => ({ type: 'tool-view', name });
    expect(summary(ask(policies(c2g(), g2s()), caller, view('get_note')))).toBe('allow');
    expect(summary(ask(policies(c2g(), g2s()), caller, view('create_note')))).toBe('step-up notes.write');
    expect(summary(ask(policies(c2g(), g2s()), caller, view('other')))).toBe('deny tool_not_granted');
    expect(summary(ask(policies(c2g(), g2s({ when: 'tool.arguments.owner == "me"' })), caller, view('get_note')))).toBe(
      'allow',
    );
    expect(
      summary(ask(policies(c2g(), g2s({ when: 'tool.annotations.readOnlyHint' })), caller, view('get_note'))),
    ).toBe('deny expression_false');
  });

  it('decides following up a task as the call that began it, and holds nothing against its arguments that it does not know (S16) (S17)', () => {
    const task = (name: string, args?: Record<string, unknown>): Action => ({ type: 'task', name, arguments: args });
    expect(summary(ask(policies(c2g(), g2s()), caller, task('get_note')))).toBe('allow');
    expect(summary(ask(policies(c2g(), g2s()), caller, task('create_note')))).toBe('step-up notes.write');
    expect(summary(ask(policies(c2g(), g2s()), caller, task('other')))).toBe('deny tool_not_granted');
    expect(
      summary(
        ask(
          policies(c2g(), g2s({ when: 'request.kind == "tool" && request.name == "get_note"' })),
          caller,
          task('get_note'),
        ),
      ),
    ).toBe('allow');
    const byArguments = policies(c2g(), g2s({ when: '!("force" in tool.arguments)' }));
    expect(summary(ask(byArguments, caller, task('get_note', {})))).toBe('allow');
    expect(summary(ask(byArguments, caller, task('get_note', { force: true })))).toBe('deny expression_false');
    expect(summary(ask(byArguments, caller, task('get_note')))).toBe('deny expression_failed');
    expect(summary(ask(policies(c2g({ when: '!("force" in tool.arguments)' }), g2s()), caller, task('get_note')))).toBe(
      'deny expression_failed',
    );
  });

  it('leaves the source network of a lease to the gateway and decides the rest again (S21)', () => {
    const set = policies(
      c2g({ conditions: { sourceCidrs: ['10.0.0.0/8'] }, when: 'request.sourceIp != ""' }),
      g2s({ conditions: { maxAuthAge: '10m' } }),
    );
    expect(summary(ask(set, caller, { type: 'lease' }, { sourceIp: null }))).toBe('allow');
    expect(summary(ask(set, caller, { type: 'lease' }, { sourceIp: null, now: NOW + 60_000 }))).toBe(
      'deny authentication_too_old',
    );
    expect(summary(ask(set, caller, { type: 'list-tools' }, { sourceIp: null }))).toBe('deny source_not_allowed');
  });

  it('narrows a lease to the policy the gateway decided by (S21)', () => {
    const set = policies(c2g(), g2s({}, 'a'), g2s({ users: { roles: ['admin'] } }, 'b'));
    expect(ask(set, caller, { type: 'lease', policy: 'a' })).toMatchObject({
      outcome: 'allow',
      policies: { gatewayToServer: 'a' },
    });
    expect(summary(ask(set, caller, { type: 'lease', policy: 'b' }))).toBe('deny no_gateway_to_server_policy');
  });

  it.each<[string, object[]]>([
    ['an expression that does not compile', [g2s({ when: 'tool.' })]],
    ['hours that do not exist', [g2s({ conditions: { hours: 'never' } })]],
    ['a network that is none', [g2s({ conditions: { sourceCidrs: ['x'] } })]],
    ['a credential provider that is not there', [g2s({ credentialProvider: 'nobody' })]],
    ['a credential provider of another server', [g2s({ credentialProvider: 'other-none' })]],
    ['a server that is not there', [g2s({ server: 'ghost' })]],
  ])('permits nothing by a policy with %s (R22) (R27)', (_, documents) => {
    expect(summary(ask(policies(c2g(), ...documents), caller, tool('get_note')))).toBe(
      'deny no_gateway_to_server_policy',
    );
  });

  it('lets no broken first-hop policy stand in for a sound one (R22)', () => {
    expect(summary(ask(policies(c2g({ when: ')' }), g2s()), caller, tool('get_note')))).toBe(
      'deny no_client_to_gateway_policy',
    );
  });

  it('remembers per caller and configuration, never across them (S15)', () => {
    const set = policies(c2g(), g2s());
    expect(summary(ask(set, caller, tool('create_note')))).toBe('step-up notes.write');
    expect(summary(ask(set, as({ scopes: new Set(['notes.write']) }), tool('create_note')))).toBe('allow');
    expect(summary(ask(policies(c2g(), g2s({ tools: [] })), caller, tool('create_note')))).toBe(
      'deny tool_not_granted',
    );
    expect(summary(ask(set, caller, tool('create_note')))).toBe('step-up notes.write');
  });

  it('serves many users with the same two policies (R26)', () => {
    const set = policies(c2g(), g2s());
    for (const name of ['alice', 'bob', 'carol']) {
      const decision = ask(set, as({ userId: `usr_${name}`, subject: name }), tool('get_note'));
      expect(decision.outcome === 'allow' && decision.permit.caller.userId).toBe(`usr_${name}`);
    }
  });
});
