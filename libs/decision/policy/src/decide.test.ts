import { describe, expect, it } from 'vitest';
import { decideConnect, visible } from './index.js';
import type { Caller } from './index.js';
import {
  NOW,
  caller,
  as,
  c2g,
  g2s,
  READ,
  WRITE,
  approved,
  policies,
  tool,
  summary,
  ask,
} from './testing/notes-policies.js';

describe('decide', () => {
  it('allows what both hops allow, and names both policies and the credential provider in the permit (R24, R29)', () => {
    const decision = ask(policies(c2g(), g2s()), caller, tool('get_note'));
    expect(decision).toEqual({
      outcome: 'allow',
      revision: 7,
      policies: { clientToGateway: 'everybody', gatewayToServer: 'notes-policy' },
      permit: {
        caller,
        server: 'notes',
        credentialProvider: 'notes-user',
        policies: { clientToGateway: 'everybody', gatewayToServer: 'notes-policy' },
        revision: 7,
      },
    });
    expect(Object.isFrozen(decision.outcome === 'allow' && decision.permit)).toBe(true);
  });

  it('denies by default, and says so in place of a policy (R22) (R29)', () => {
    expect(ask(policies(), caller, tool('get_note'))).toMatchObject({
      outcome: 'deny',
      reason: 'no_client_to_gateway_policy',
      policies: { clientToGateway: 'builtin:default-deny', gatewayToServer: null },
    });
    expect(ask(policies(c2g()), caller, tool('get_note'))).toMatchObject({
      outcome: 'deny',
      reason: 'no_gateway_to_server_policy',
      policies: { clientToGateway: 'everybody', gatewayToServer: 'builtin:default-deny' },
    });
    expect(ask(policies(g2s()), caller, tool('get_note'))).toMatchObject({
      outcome: 'deny',
      reason: 'no_client_to_gateway_policy',
    });
  });

  it('lets a policy for one server say nothing about another (R28)', () => {
    expect(summary(ask(policies(c2g(), g2s()), caller, tool('get_note'), { server: 'other' }))).toBe(
      'deny no_gateway_to_server_policy',
    );
    expect(summary(ask(policies(c2g(), g2s()), caller, tool('get_note'), { server: 'unknown' }))).toBe(
      'deny no_gateway_to_server_policy',
    );
  });

  it.each<[string, string, Partial<Caller>]>([
    ['allow', 'get_note', {}],
    ['allow', 'ping', { scopes: new Set(), roles: [] }],
    ['step-up notes.write', 'create_note', {}],
    ['deny scope_not_entitled', 'create_note', { roles: [] }],
    ['deny scope_not_entitled', 'get_note', { scopes: new Set(), roles: ['nobody'] }],
    ['deny role_missing', 'delete_note', { scopes: new Set(['notes.admin']) }],
    ['allow', 'delete_note', { scopes: new Set(['notes.admin']), roles: ['admin'] }],
    ['deny tool_not_granted', 'drop_database', {}],
    ['deny tool_not_granted', 'GET_note', {}],
  ])('answers %s for the tool %s (R30) (R31) (R32)', (expected, name, part) => {
    expect(summary(ask(policies(c2g(), g2s()), as(part), tool(name)))).toBe(expected);
  });

  it('asks for every matching rule of a policy, so that a narrow rule tightens a broad one in either order (R31)', () => {
    const rules = [
      { match: ['*'], scope: 'notes.read' },
      { match: ['delete_*'], scope: 'notes.write' },
    ];
    for (const tools of [rules, rules.toReversed()]) {
      const set = policies(c2g(), g2s({ tools }));
      expect(summary(ask(set, caller, tool('get_note')))).toBe('allow');
      expect(summary(ask(set, caller, tool('delete_note')))).toBe('step-up notes.read notes.write');
    }
  });

  it('adds policies up: one that holds completely is enough, a step-up comes second, and the closest denial is named (R29)', () => {
    const narrow = g2s({ users: { roles: ['auditor'] }, tools: [{ match: ['*'] }] }, 'a-auditors');
    expect(ask(policies(c2g(), narrow, g2s()), caller, tool('get_note'))).toMatchObject({
      outcome: 'allow',
      policies: { gatewayToServer: 'notes-policy' },
    });
    expect(
      ask(policies(c2g(), g2s({ conditions: { mfa: true } }, 'z-mfa'), g2s()), caller, tool('create_note')),
    ).toMatchObject({ outcome: 'step-up', policies: { gatewayToServer: 'notes-policy' } });
    expect(
      ask(
        policies(c2g(), g2s({ tools: [] }, 'a-nothing'), g2s({ conditions: { mfa: true } }, 'z-mfa')),
        caller,
        tool('get_note'),
      ),
    ).toMatchObject({ reason: 'mfa_required', policies: { gatewayToServer: 'z-mfa' } });
  });

  it.each<[string, object, Partial<Caller>]>([
    ['allow', { trustProviders: ['demo'] }, {}],
    ['deny no_client_to_gateway_policy', { trustProviders: ['other-idp'] }, {}],
    ['allow', { agents: { clientIds: ['https://agent.example/client.json'] } }, {}],
    ['deny no_client_to_gateway_policy', { agents: { clientIds: ['https://agent.example/client.json2'] } }, {}],
    ['allow', { agents: { hosts: ['agent.example'] } }, {}],
    ['allow', { agents: { hosts: ['*.example'] } }, {}],
    ['deny no_client_to_gateway_policy', { agents: { hosts: ['*.agent.example'] } }, {}],
    ['deny no_client_to_gateway_policy', { agents: { hosts: ['agent.example'] } }, { clientId: 'dcr_agent.example' }],
    [
      'deny no_client_to_gateway_policy',
      { agents: { hosts: ['agent.example'] } },
      { clientId: 'http://agent.example/c' },
    ],
    [
      'deny no_client_to_gateway_policy',
      { agents: { hosts: ['agent.example'] } },
      { clientId: 'https://agent.example.evil.example/c' },
    ],
    [
      'deny no_client_to_gateway_policy',
      { agents: { hosts: ['agent.example'] } },
      { clientId: 'https://agent.example@evil.example/c' },
    ],
    ['allow', { agents: { assurance: 'verified-redirect' } }, {}],
    ['allow', { agents: { assurance: 'asserted' } }, {}],
    ['deny no_client_to_gateway_policy', { agents: { assurance: 'key-authenticated' } }, {}],
    ['deny no_client_to_gateway_policy', { agents: { dpopBoundTokens: true } }, {}],
    [
      'deny no_client_to_gateway_policy',
      { agents: { dpopBoundTokens: true } },
      { agentAssurance: 'key-authenticated' },
    ],
    [
      'deny no_client_to_gateway_policy',
      { agents: { dpopBoundTokens: true, clientIds: ['https://agent.example/client.json'] } },
      {},
    ],
    ['allow', { agents: { dpopBoundTokens: true } }, { isKeyBound: true }],
    ['allow', { agents: { dpopBoundTokens: false } }, {}],
    ['deny no_client_to_gateway_policy', { agents: { clientIds: [] } }, {}],
    ['allow', { users: { trustProvider: 'demo', groups: ['staff', 'x'] } }, {}],
    ['deny no_client_to_gateway_policy', { users: { trustProvider: 'demo', groups: ['x'] } }, {}],
    ['deny no_client_to_gateway_policy', { users: { trustProvider: 'other-idp', groups: ['staff'] } }, {}],
    ['allow', { users: { trustProvider: 'demo', groups: ['x'], subjects: ['alice'] } }, {}],
    ['deny no_client_to_gateway_policy', { users: { trustProvider: 'demo', subjects: ['bob'] } }, {}],
    [
      'deny no_client_to_gateway_policy',
      { users: { trustProvider: 'demo', subjects: ['alice'], roles: ['admin'] } },
      {},
    ],
    ['deny no_client_to_gateway_policy', { users: { trustProvider: 'demo', groups: [] } }, {}],
  ])('answers %s at the first hop for %j (R2) (R23) (S1) (S2)', (expected, spec, part) => {
    expect(summary(ask(policies(c2g(spec), g2s()), as(part), tool('get_note')))).toBe(expected);
    expect(decideConnect(policies(c2g(spec)), as(part), { sourceIp: null, now: NOW }).outcome).toBe(
      expected.split(' ')[0],
    );
  });

  it('tells two agents of one user apart on both hops (R3) (R4)', () => {
    const only = { agents: { clientIds: [caller.clientId] } };
    const second = as({ clientId: 'https://second.example/client.json' });
    for (const set of [policies(c2g(only), g2s()), policies(c2g(), g2s(only))]) {
      expect(summary(ask(set, caller, tool('get_note')))).toBe('allow');
      expect(ask(set, second, tool('get_note')).outcome).toBe('deny');
    }
  });

  it.each<[string, object, Partial<Caller>, { sourceIp?: string | null; now?: number }]>([
    ['deny mfa_required', { conditions: { mfa: true } }, {}, {}],
    ['allow', { conditions: { mfa: true } }, { amr: ['pwd', 'otp'] }, {}],
    ['allow', { conditions: { maxAuthAge: '10m' } }, {}, {}],
    ['deny authentication_too_old', { conditions: { maxAuthAge: '10m' } }, {}, { now: NOW + 1_000 }],
    ['deny authentication_too_old', { conditions: { maxAuthAge: '10m' } }, { authTime: NOW / 1000 + 61 }, {}],
    ['deny authentication_too_old', { conditions: { maxAuthAge: '10m' } }, { authTime: Number.NaN }, {}],
    ['allow', { conditions: { sourceCidrs: ['192.0.2.0/24'] } }, {}, {}],
    ['deny source_not_allowed', { conditions: { sourceCidrs: ['192.0.2.0/24'] } }, {}, { sourceIp: '198.51.100.1' }],
    ['deny source_not_allowed', { conditions: { sourceCidrs: ['0.0.0.0/0'] } }, {}, { sourceIp: null }],
    ['allow', { conditions: { hours: 'Mon-Fri 07:00-20:00 Europe/Berlin' } }, {}, {}],
    [
      'deny outside_hours',
      { conditions: { hours: 'Mon-Fri 07:00-20:00 Europe/Berlin' } },
      {},
      { now: NOW + 12 * 3_600_000 },
    ],
    ['allow', { when: '"staff" in user.groups && agent.assurance != "asserted"' }, {}, {}],
    ['deny expression_false', { when: '"admins" in user.groups' }, {}, {}],
    ['deny expression_failed', { when: 'tool.arguments.nothing == 1' }, {}, {}],
  ])('answers %s under the condition %j, on either hop (R25)', (expected, spec, part, circumstances) => {
    expect(summary(ask(policies(c2g(spec), g2s()), as(part), tool('get_note'), circumstances))).toBe(expected);
    expect(summary(ask(policies(c2g(), g2s(spec)), as(part), tool('get_note'), circumstances))).toBe(expected);
  });

  it('decides on annotations and arguments of the call (R30) (B10)', () => {
    const set = policies(
      c2g(),
      g2s({ when: 'tool.annotations.readOnlyHint || tool.arguments.owner == "acme"' }),
      approved(
        { sha256: READ, annotations: { readOnlyHint: true } },
        { sha256: WRITE, annotations: { readOnlyHint: false } },
      ),
    );
    expect(summary(ask(set, caller, tool('get_note', { definition: READ })))).toBe('allow');
    expect(summary(ask(set, caller, tool('get_note', { definition: WRITE, arguments: { owner: 'acme' } })))).toBe(
      'allow',
    );
    expect(summary(ask(set, caller, tool('get_note', { definition: WRITE, arguments: { owner: 'evil' } })))).toBe(
      'deny expression_false',
    );
  });

  it('treats a tool of which nothing is approved as destructive (S14)', () => {
    const rule = g2s({ when: '!tool.annotations.destructiveHint' });
    expect(summary(ask(policies(c2g(), rule), caller, tool('get_note', { definition: READ })))).toBe(
      'deny expression_false',
    );
    expect(
      summary(
        ask(
          policies(c2g(), rule, approved({ sha256: READ, annotations: { destructiveHint: false } })),
          caller,
          tool('get_note', { definition: READ }),
        ),
      ),
    ).toBe('allow');
  });

  it('holds back what is not approved as it is now, at a server of which tools are, unless every rule that matches takes it (S14)', () => {
    const some = approved({ sha256: READ });
    const set = policies(c2g(), g2s(), some);
    expect(summary(ask(set, caller, tool('get_note', { definition: READ })))).toBe('allow');
    for (const held of [
      tool('get_note', { definition: WRITE }),
      tool('get_note'),
      tool('list_notes', { definition: READ }),
      tool('ping'),
      { type: 'tool-view', name: 'get_note', definition: WRITE } as const,
      { type: 'task', name: 'get_note', definition: WRITE } as const,
    ]) {
      expect(summary(ask(set, caller, held))).toBe('deny tool_not_approved');
    }
    expect(visible(set, caller, 'notes', { type: 'tool', name: 'get_note', definition: WRITE })).toBe(false);
    expect(visible(set, caller, 'notes', { type: 'tool', name: 'get_note', definition: READ })).toBe(true);
    const taking = { match: ['*'], scope: 'notes.read', unapproved: 'allowed' };
    expect(
      summary(ask(policies(c2g(), g2s({ tools: [taking] }), some), caller, tool('other', { definition: WRITE }))),
    ).toBe('allow');
    expect(
      summary(
        ask(
          policies(c2g(), g2s({ tools: [taking, { match: ['other'] }] }), some),
          caller,
          tool('other', { definition: WRITE }),
        ),
      ),
    ).toBe('deny tool_not_approved');
    expect(
      summary(
        ask(
          policies(c2g(), g2s({ tools: [taking], when: 'tool.approved' }), some),
          caller,
          tool('other', { definition: WRITE }),
        ),
      ),
    ).toBe('deny expression_false');
    expect(
      summary(
        ask(
          policies(c2g(), g2s({ tools: [taking], when: '!tool.annotations.destructiveHint' }), some),
          caller,
          tool('other', { definition: WRITE }),
        ),
      ),
    ).toBe('deny expression_false');
  });

  it.each([
    ['allow', 'note://alice/1'],
    ['deny resource_not_granted', 'file:///etc/passwd'],
    ['deny resource_uri_not_normal', 'note://alice/../bob/1'],
    ['deny resource_uri_not_normal', 'note://alice/%2e%2e/bob'],
    ['deny resource_uri_not_normal', 'note://alice/..%2Fbob'],
    ['deny resource_uri_not_normal', 'NOTE://alice/1'],
    ['deny resource_uri_not_normal', 'note://%61lice/1'],
    ['deny resource_uri_not_normal', 'note://alice\\bob'],
    ['deny resource_uri_not_normal', 'note://alice/a\nb'],
    ['allow', 'note://alice%2Fbob'],
    ['allow', 'note://alice/v1..2'],
  ])('answers %s for the resource %j (S13)', (expected, uri) => {
    expect(summary(ask(policies(c2g(), g2s()), caller, { type: 'resource', uri }))).toBe(expected);
  });

  it.each([
    ['step-up notes.read notes.write', 'note://srv/private/key'],
    ['step-up notes.read notes.write', 'note://srv%2Fprivate/key'],
    ['step-up notes.read notes.write', 'note://srv/private%2F%2Fkey'],
    ['allow', 'note://srv/public%2Fkey'],
    ['step-up notes.read notes.write', 'note://srv/secret(1)'],
    ['step-up notes.read notes.write', 'note://srv/secret%281%29'],
    ['step-up notes.read notes.write', 'note://srv/secret(1)?x'],
    ['step-up notes.read notes.write', 'note://srv/secret(1)#x'],
    ['allow', 'note://srv/secret(1)/x'],
    ['allow', 'repo://public/readme'],
    ['deny resource_not_granted', 'repo://secret?/readme'],
    ['allow', 'repo://a/file%281%29'],
    ['deny resource_not_granted', 'repo://a%2Fb/readme'],
  ])(
    'answers %s for the resource %j, which a server may read less exactly than it is written (S13)',
    (expected, uri) => {
      const resources = [
        { match: ['note://**'], scope: 'notes.read' },
        { match: ['note://srv/private/**', 'note://srv/secret(1)'], scope: 'notes.write' },
        { match: ['repo://*/readme'], scope: 'notes.read' },
        { match: ['repo://a/file%281%29'] },
      ];
      expect(summary(ask(policies(c2g(), g2s({ resources })), caller, { type: 'resource', uri }))).toBe(expected);
    },
  );

  it.each([
    ['allow', 'note://topics/{topic}'],
    ['step-up notes.read notes.write', 'note://{+path}'],
    ['step-up notes.read notes.write', 'note://srv/private/{id}'],
    ['deny resource_not_granted', 'other://{id}'],
    ['deny resource_uri_not_normal', 'NOTE://{id}'],
  ])(
    'answers %s for what would fit into the template %s: what its resources ask for is asked (S13)',
    (expected, uriTemplate) => {
      const resources = [
        { match: ['note://**'], scope: 'notes.read' },
        { match: ['note://srv/private/**'], scope: 'notes.write' },
      ];
      expect(
        summary(ask(policies(c2g(), g2s({ resources })), caller, { type: 'resource-template', uriTemplate })),
      ).toBe(expected);
    },
  );

  it('permits nothing by a policy with a pattern that no URI in its normal form could match (S13)', () => {
    const narrow = { match: ['note://srv/%70rivate/**'], scope: 'notes.write' };
    expect(
      summary(
        ask(policies(c2g(), g2s({ resources: [{ match: ['note://**'] }, narrow] })), caller, {
          type: 'resource',
          uri: 'note://srv/private/key',
        }),
      ),
    ).toBe('deny no_gateway_to_server_policy');
  });
});
