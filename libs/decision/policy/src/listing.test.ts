import { describe, expect, it } from 'vitest';
import { serversFor, visible, visibleTemplate } from './index.js';
import type { Caller } from './index.js';
import { caller, as, c2g, g2s, READ, approved, policies, tool, ask } from './testing/notes-policies.js';

describe('listing', () => {
  it.each<[boolean, string, Partial<Caller>, object]>([
    [true, 'get_note', {}, {}],
    [true, 'create_note', {}, {}], // a step-up reaches it
    [false, 'create_note', { roles: [] }, {}],
    [false, 'delete_note', {}, {}],
    [false, 'drop_database', {}, {}],
    [
      true,
      'get_note',
      {},
      { conditions: { mfa: true, maxAuthAge: '1s', sourceCidrs: ['10.0.0.0/8'], hours: 'Sun 00:00-01:00 UTC' } },
    ],
    [true, 'get_note', {}, { when: 'tool.arguments.owner == "acme"' }],
    [true, 'get_note', {}, { when: 'request.sourceIp == "x"' }],
    [false, 'get_note', {}, { when: 'tool.annotations.readOnlyHint' }],
    [false, 'get_note', {}, { when: '"admins" in user.groups' }],
    [false, 'get_note', {}, { users: { roles: ['admin'] } }],
  ])('shows %s for %s as %j under %j (B9)', (expected, name, part, spec) => {
    expect(visible(policies(c2g(), g2s(spec)), as(part), 'notes', { type: 'tool', name })).toBe(expected);
  });

  it.each<[boolean, string, string[], object]>([
    [true, 'note://{id}', ['note://**'], {}],
    [true, 'note://{owner}/{id}', ['note://alice/*'], {}],
    [true, 'note://alice/{id}', ['note://**'], {}],
    [true, '{+uri}', ['note://**'], {}],
    [false, 'note://bob/{id}', ['note://alice/*'], {}],
    [false, 'file:///{path}', ['note://**'], {}],
    [false, 'note://{id}', [], {}],
    [false, 'note://{id}', ['note://**'], { when: '"admins" in user.groups' }],
  ])('shows %s for the template %s under %j and %j (B9)', (expected, template, match, spec) => {
    const set = policies(
      c2g(),
      g2s({ resources: match.length === 0 ? [] : [{ match, scope: 'notes.read' }], ...spec }),
    );
    expect(visibleTemplate(set, caller, 'notes', template)).toBe(expected);
    expect(visibleTemplate(set, as({ roles: [], scopes: new Set() }), 'notes', template)).toBe(false);
  });

  it('asks no expression of a policy whose scopes are out of reach: its budget is left to the others (S29)', () => {
    const costly = (scope: string) =>
      Array.from({ length: 40 }, (_, index) =>
        g2s({ tools: [{ match: ['*'], scope }], when: `user.groups[0].contains("b${index}")` }, `costly-${index}`),
      );
    const open = g2s({ when: '"staff" in user.groups' }, 'open');
    const member = as({ groups: ['a'.repeat(500_000), 'staff'] });
    const isShown = (scope: string) =>
      visible(policies(c2g(), ...costly(scope), open), member, 'notes', { type: 'tool', name: 'get_note' });
    expect([isShown('notes.never'), isShown('notes.read')]).toEqual([true, false]);
  });

  it('hides every tool from a caller whom no first-hop policy lets in (R28)', () => {
    expect(
      visible(policies(c2g({ agents: { clientIds: [] } }), g2s()), caller, 'notes', { type: 'tool', name: 'get_note' }),
    ).toBe(false);
    expect(serversFor(policies(c2g({ agents: { clientIds: [] } }), g2s()), caller)).toEqual([]);
  });

  it('names the servers with a policy that could match, and no other (R53)', () => {
    const other = g2s({ server: 'other', credentialProvider: 'other-none', conditions: { mfa: true } }, 'other-policy');
    expect(serversFor(policies(c2g(), g2s(), other), caller)).toEqual(['notes', 'other']);
    expect(serversFor(policies(c2g(), g2s({ users: { roles: ['admin'] } }), other), caller)).toEqual(['other']);
  });

  it('never hides what decide would allow (B9)', () => {
    const set = policies(
      c2g(),
      g2s(),
      g2s(
        {
          tools: [{ match: ['*'], unapproved: 'allowed' }],
          users: { roles: ['admin'] },
          when: 'tool.annotations.readOnlyHint || tool.name == "other"',
        },
        'admins',
      ),
      approved({ sha256: READ, annotations: { readOnlyHint: true } }),
    );
    for (const roles of [['writer'], ['admin'], []]) {
      for (const name of ['get_note', 'create_note', 'delete_note', 'ping', 'other']) {
        for (const definition of [READ, undefined]) {
          const who = as({ roles });
          if (ask(set, who, tool(name, { definition })).outcome !== 'deny')
            expect(visible(set, who, 'notes', { type: 'tool', name, definition })).toBe(true);
        }
      }
    }
  });
});
