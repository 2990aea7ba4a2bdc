import { createSnapshot, Document, documentMap, RevocationIndex } from '@sallyport/configuration';
import { describe, expect, it } from 'vitest';
import { namedId } from '@sallyport/kernel';
import { MACHINES, type Caller } from './caller.js';
import { compilePolicies } from './compile-policies.js';
import { decide, decideConnect, serversFor, visible, visibleTemplate } from './decide.js';
import type { Action, Decision } from './decision.js';

const NOW = Date.parse('2026-07-06T10:00:00Z'); // a Monday
const caller: Caller = {
  userId: 'usr_alice',
  trustProvider: 'demo',
  subject: 'alice',
  clientId: 'https://agent.example/client.json',
  agentName: 'Agent',
  agentAssurance: 'verified-redirect',
  isKeyBound: false,
  sid: 'ses_1',
  scopes: new Set(['notes.read']),
  roles: ['writer'],
  groups: ['staff'],
  authTime: NOW / 1000 - 600,
  issuedAt: NOW / 1000 - 60,
  expiresAt: NOW / 1000 + 600,
  acr: undefined,
  amr: ['pwd'],
};
const as = (part: Partial<Caller>): Caller => ({ ...caller, ...part });

const BASE = [
  { kind: 'TrustProvider', name: 'demo', spec: { issuer: 'https://idp.example', clientId: 'sallyport' } },
  { kind: 'Role', name: 'writer', spec: { scopes: ['notes.read', 'notes.write'] } },
  { kind: 'McpServer', name: 'notes', spec: { url: 'https://notes.example/mcp' } },
  { kind: 'McpServer', name: 'other', spec: { url: 'https://other.example/mcp' } },
  { kind: 'CredentialProvider', name: 'notes-user', spec: { type: 'mcp-user-oauth', server: 'notes' } },
  { kind: 'CredentialProvider', name: 'other-none', spec: { type: 'none', server: 'other' } },
];
const c2g = (spec: object = {}, name = 'everybody') => ({
  kind: 'AccessPolicy',
  name,
  spec: { hop: 'client-to-gateway', ...spec },
});
const TOOLS = [
  { match: ['get_*', 'list_*'], scope: 'notes.read' },
  { match: ['create_*'], scope: 'notes.write' },
  { match: ['delete_*'], scope: 'notes.admin', roles: ['admin'] },
  { match: ['ping'] },
];
const g2s = (spec: object = {}, name = 'notes-policy') => ({
  kind: 'AccessPolicy',
  name,
  spec: {
    hop: 'gateway-to-server',
    server: 'notes',
    credentialProvider: 'notes-user',
    tools: TOOLS,
    resources: [{ match: ['note://**'], scope: 'notes.read' }],
    ...spec,
  },
});

const [READ, WRITE] = ['a'.repeat(64), 'b'.repeat(64)] as const;
const approved = (...tools: object[]) => ({
  kind: 'ApprovedTools',
  name: 'notes',
  spec: { tools: tools.map((one) => ({ name: 'get_note', ...one })) },
});
const policies = (...documents: object[]) =>
  compilePolicies(
    createSnapshot({
      epoch: 'e1',
      revision: 7,
      documents: documentMap([...BASE, ...documents].map((document) => Document.parse(document))),
      revocations: new RevocationIndex(() => NOW),
    }),
  );
const tool = (name: string, part: object = {}): Action => ({ type: 'tool', name, ...part });
const summary = (decision: Decision) =>
  decision.outcome === 'deny'
    ? `deny ${decision.reason}`
    : decision.outcome === 'step-up'
      ? `step-up ${decision.requiredScopes.join(' ')}`
      : 'allow';
const ask = (
  set: ReturnType<typeof policies>,
  who: Caller,
  action: Action,
  part: { server?: string; sourceIp?: string | null; now?: number } = {},
) => decide(set, who, { server: 'notes', action, sourceIp: '192.0.2.1', now: NOW, ...part });

describe('decide', () => {
  it('allows what both hops allow, and names both policies and the credential provider in the permit (R22) (R24) (R29)', () => {
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
