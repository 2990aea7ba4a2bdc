import { parseDeclaration } from '@sallyport/declaration';
import { describe, expect, test } from 'vitest';
import { describeServer, Findings, renderDocuments } from '../index.js';
import type { Surroundings } from '../index.js';

const how = 'by a test';
type Part<K extends keyof Findings> = readonly Findings[K][];

const tools = [
  { name: 'list_notes', readOnlyHint: true },
  { name: 'add_note', readOnlyHint: false, destructiveHint: false },
  { name: 'drop_notes', destructiveHint: true },
  { name: 'both', readOnlyHint: true, destructiveHint: true },
  { name: 'plain' },
];
const hostile = [
  { name: '*', readOnlyHint: true },
  { name: 'x\nkind: AccessPolicy', readOnlyHint: true },
  { name: 'y\u2028spec: {}', readOnlyHint: false },
  { name: '- [a]: {b: "c", # d', readOnlyHint: true },
  { name: '\'"|>&!%@`', readOnlyHint: true },
  { name: 'true', readOnlyHint: true },
  { name: '0x1f', readOnlyHint: true },
];
const listed = (of: readonly object[], more: object = {}) =>
  ({
    outcome: 'listed',
    how,
    era: 'legacy',
    version: '2025-11-25',
    tools: of,
    isCut: false,
    ...more,
  }) as Findings['relay'];
const conversations: Part<'relay'> = [
  listed(tools, { title: 'Notes' }),
  listed(hostile, { title: 'a\n---\nkind: Role', isCut: true }),
  listed([]),
  { outcome: 'wants-credential', how, status: 401 },
  { outcome: 'wants-credential', how, status: 403 },
  { outcome: 'failed', how, reason: 'not-mcp', said: 'x\n# y' },
];
const server = (more: object = {}) => ({
  issuer: 'https://as.example',
  registersDynamically: true,
  takesMetadataDocuments: false,
  authentications: ['none', 'client_secret_basic'],
  ...more,
});
const resource = {
  resource: 'https://mcp.notes.example/mcp',
  authorizationServers: ['https://as.example'],
  scopes: ['notes:read', 'notes:write'],
};
const failure = (reason: string, detail = {}) => ({
  how,
  resource,
  failure: { reason, detail: { wanted: 'https://a.example', got: 'https://b.example', ...detail } },
});
const signIns: Part<'signIn'> = [
  { how },
  { how, resource, authorizationServer: server() },
  { how, resource, authorizationServer: server({ registersDynamically: false }) },
  { how, resource, authorizationServer: server({ registersDynamically: false, authentications: ['none'] }) },
  {
    how,
    authorizationServer: server({ takesMetadataDocuments: true, authentications: ['private_key_jwt'] }),
  },
  {
    how,
    authorizationServer: server({
      registersDynamically: false,
      takesMetadataDocuments: true,
      authentications: ['private_key_jwt'],
    }),
  },
  failure('resource_mismatch'),
  failure('issuer_mismatch', { got: 'https://b.example/\n- x' }),
  failure('no_s256'),
  failure('no_metadata'),
  failure('malformed_metadata', { field: 'resource', problem: 'x' }),
  failure('outbound_refused', { address: 'http://10.0.0.1/x', allow: '- { host: 10.0.0.1, ports: [80], http: true }' }),
  failure('outbound_timeout'),
];
const challenges: Part<'challenge'> = [
  undefined,
  ...[['Bearer'], ['Basic'], ['ApiKey'], ['Negotiate'], []].map((schemes) => ({ how, schemes })),
];
const header = (name: string, form?: string) => ({
  how,
  name: 'io.github.somebody/notes',
  title: 'From\nthe registry',
  headers: [
    { name, ...(form === undefined ? {} : { form }), description: 'Make\none', isRequired: true, isSecret: true },
  ],
});
const registries: Part<'registry'> = [
  undefined,
  header('Authorization', 'Bearer {token}'),
  header('X-Api-Key'),
  header('Cookie', 'session={id}'),
  { ...header('X-Api-Key', 'Key {key}'), headers: [...header('X-A').headers, ...header('X-B').headers] },
];
const urls = [
  'https://mcp.notes.example/mcp',
  'https://api.githubcopilot.com/mcp/',
  'https://mcp.slack.com/mcp',
  'https://gmailmcp.googleapis.com/mcp/v1',
  'http://127.0.0.1:7410/mcp',
  'http://[::1]:7410/mcp',
  'http://localhost/mcp',
  'https://xn--80ak6aa92e.com/mcp',
  'https://a.very-long-label-of-a-host-that-no-id-can-hold.example.co.uk/mcp?tenant=1',
];
const arounds: readonly Surroundings[] = [
  {},
  { controlPlane: 'https://gate.example', role: 'developer', name: 'My Notes' },
  { controlPlane: 'http://127.0.0.1:7402', issuer: 'https://as.example/', outboundNetwork: [] },
  { existing: [{ kind: 'OutboundNetwork', name: 'default' }], alsoAllow: [{ host: '10.0.0.9', ports: [443] }] },
];

const base: Findings = {
  typed: 'https://mcp.notes.example/',
  url: 'https://mcp.notes.example/mcp',
  network: { type: 'public', how, addresses: ['93.184.216.34'] },
  endpoint: { type: 'mcp', how },
  relay: listed(tools),
  sdk: listed(tools),
  signIn: { how },
  signInBySdk: { how },
  tookMs: 1,
};
/** What the documents refer to and an administrator has. */
const ROLE = 'kind: Role\nname: developer\nspec: { scopes: [notes.read] }\n---\n';

/** Throws what is wrong with the YAML of a description; also when it stands beside what it was made for. */
function validated(findings: Findings, around: Surroundings = {}) {
  const said = describeServer(Findings.parse(findings), around);
  const yaml = renderDocuments(said.documents);
  const { documents } = parseDeclaration(ROLE + yaml, 'added.yaml');
  return { ...said, yaml, parsed: documents.slice(1) };
}

test('whatever is found of a server, the documents written for it are valid', () => {
  let tried = 0;
  for (const relay of conversations)
    for (const signIn of signIns)
      for (const registry of [undefined, registries[tried % registries.length]]) {
        const at = <T>(values: readonly T[], step: number) => values[(tried * step) % values.length];
        const url = at(urls, 1) ?? base.url;
        const challenge = at(challenges, 5);
        const findings = {
          ...base,
          url,
          relay,
          sdk: at(conversations, 7),
          signIn,
          network: { type: url.startsWith('http:') ? 'private' : 'public', how, addresses: [] },
          ...(challenge === undefined ? {} : { challenge }),
          ...(registry === undefined ? {} : { registry }),
        } as Findings;
        const { parsed, documents } = validated(findings, at(arounds, 3));
        expect(parsed.map(({ kind, name }) => [kind, name])).toEqual(
          documents.map(({ document: { kind, name } }) => [kind, name]),
        );
        tried++;
      }
  expect(tried).toBe(conversations.length * signIns.length * 2);
});

test('a second server beside the first takes none of its names', () => {
  for (const url of urls) {
    const findings = { ...base, url, network: { type: 'private' as const, how, addresses: [] } };
    const first = describeServer(findings);
    const existing = first.documents.map(({ document: { kind, name } }) => ({ kind, name }));
    const second = describeServer(findings, { existing });
    const names = [...first.documents, ...second.documents].map(({ document: { kind, name } }) => `${kind} ${name}`);
    expect(new Set(names).size).toBe(names.length);
    parseDeclaration(`${renderDocuments(first.documents)}---\n${renderDocuments(second.documents)}`, 'both.yaml');
  }
});

describe('the name of a server', () => {
  test.each([
    ['https://mcp.linear.app/mcp', 'linear'],
    ['https://mcp.linear.app./mcp', 'linear'],
    ['https://api.githubcopilot.com/mcp/', 'github'],
    ['https://gmailmcp.googleapis.com/mcp/v1', 'gmail'],
    ['https://netlify-mcp.netlify.app/mcp', 'netlify'],
    ['https://mcp.eu.intercom.com/mcp', 'intercom'],
    ['https://notes.internal/mcp', 'notes'],
    ['https://learn.microsoft.com/api/mcp', 'learn'],
    ['http://127.0.0.1:7410/mcp', 'my-notes'],
    ['http://localhost:7410/mcp', 'my-notes'],
    ['https://a.very-long-label-of-a-host-that-no-id-can-hold.example.com/mcp', 'very-long-label-of-a-hos'],
  ])('%s is %s', (url, name) => {
    const { documents } = describeServer({ ...base, url, relay: listed(tools, { title: 'My Notes!' }) });
    expect(documents.find(({ document }) => document.kind === 'McpServer')?.document.name).toBe(name);
  });
});

describe('the first policy', () => {
  const policyOf = (findings: Partial<Findings>, around?: Surroundings) => {
    const { parsed, yaml } = validated({ ...base, ...findings }, around);
    return { policy: parsed.find(({ kind }) => kind === 'AccessPolicy'), yaml };
  };

  test('allows the tools that say that they only read, by name, and says why it leaves others out', () => {
    const { policy, yaml } = policyOf({});
    expect(policy?.spec).toMatchObject({ tools: [{ match: ['list_notes'] }] });
    expect(policy?.spec).not.toHaveProperty('when');
    for (const line of [
      'add_note: says that it changes something',
      'drop_notes: does not say that it only reads (readOnlyHint)',
      'both: says that it only reads, and that it destroys',
      'plain: does not say that it only reads (readOnlyHint)',
    ])
      expect(yaml).toContain(`  #   ${line}\n`);
  });

  test('never has a name that stands for others as a pattern', () => {
    const { policy } = policyOf({ relay: listed(hostile) });
    expect(policy?.spec).toMatchObject({
      tools: [{ match: ['- [a]: {b: "c", # d', '\'"|>&!%@`', 'true', '0x1f'] }],
    });
  });

  test.each([
    ['tools were not listed', { outcome: 'wants-credential', how, status: 401 } as const],
    ['no tool says that it only reads', listed([{ name: 'plain' }])],
    ['there are no tools', listed([])],
  ])('allows nothing until tools are approved where %s', (_, relay) => {
    const { policy } = policyOf({ relay, sdk: relay });
    expect(policy?.spec).toMatchObject({ tools: [{ match: ['*'] }], when: 'tool.annotations.readOnlyHint' });
  });

  test('is for the users of a role where one is given', () => {
    expect(policyOf({}, { role: 'developer' }).policy?.spec).toMatchObject({ users: { roles: ['developer'] } });
    expect(policyOf({}).policy?.spec).not.toHaveProperty('users');
  });
});

describe('the credential provider', () => {
  const providerOf = (findings: Partial<Findings>, around?: Surroundings) => {
    const { parsed, yaml, unknowns } = validated({ ...base, ...findings }, around);
    return { spec: parsed.find(({ kind }) => kind === 'CredentialProvider')?.spec, yaml, unknowns };
  };
  const refused = { outcome: 'wants-credential', how, status: 401 } as const;
  const withServer = (more: object) => ({ how, resource, authorizationServer: server(more) });

  test('needs no client where the authorization server registers ours', () => {
    const { spec, unknowns } = providerOf({ relay: refused, sdk: refused, signIn: withServer({}) });
    expect(spec).toEqual({ type: 'mcp-user-oauth', server: 'notes' });
    expect(unknowns.map(({ move }) => move)).toContain('nobody');
  });

  test('has a placeholder for a client, and says where to register which redirect URI, where it registers none', () => {
    const { spec, yaml, unknowns } = providerOf(
      {
        url: 'https://api.githubcopilot.com/mcp/',
        relay: refused,
        sdk: refused,
        signIn: withServer({ issuer: 'https://github.com/login/oauth', registersDynamically: false }),
      },
      { controlPlane: 'https://gate.example' },
    );
    expect(spec).toEqual({
      type: 'mcp-user-oauth',
      server: 'github',
      client: {
        issuer: 'https://github.com/login/oauth',
        clientId: 'replace-with-the-client-id',
        clientSecret: { env: 'GITHUB_CLIENT_SECRET' },
      },
    });
    expect(yaml).toContain('# Register a client at https://github.com/settings/developers\n');
    expect(yaml).toContain('# with the redirect URI https://gate.example/connect/callback, and write its id here.\n');
    expect(unknowns.find(({ what }) => what.startsWith('our client'))?.move).toBe('you');
  });

  test('relies on our metadata document only where it admits clients with a key, and our address is https', () => {
    const only = { registersDynamically: false, takesMetadataDocuments: true };
    const ours = { ...only, authentications: ['none', 'private_key_jwt'] };
    const at = (more: object, controlPlane?: string) =>
      providerOf({ relay: refused, sdk: refused, signIn: withServer(more) }, controlPlane ? { controlPlane } : {}).spec;
    expect(at(ours, 'https://gate.example')).not.toHaveProperty('client');
    expect(at(ours)).not.toHaveProperty('client');
    expect(at(ours, 'http://127.0.0.1:7402')).toHaveProperty('client');
    expect(at({ ...only, authentications: ['none'] }, 'https://gate.example')).toHaveProperty('client');
  });

  test('is our own token where the server names our authorization server', () => {
    const { spec } = providerOf(
      { relay: refused, sdk: refused, signIn: { how, resource } },
      { issuer: 'https://as.example' },
    );
    expect(spec).toMatchObject({ type: 'gateway-token', scopes: ['notes:read', 'notes:write'] });
    expect(
      providerOf({ relay: refused, sdk: refused, signIn: { how, resource } }, { issuer: 'https://other.example' }).spec,
    ).not.toMatchObject({ type: 'gateway-token' });
  });

  test('is what a preset knows where a known host does not say where users sign in', () => {
    const { spec } = providerOf({ url: 'https://api.githubcopilot.com/mcp/', relay: refused, sdk: refused });
    expect(spec).toMatchObject({ type: 'oauth-user', preset: 'github' });
  });

  test.each([
    [['Bearer'], { as: 'bearer' }],
    [['Basic'], { as: 'basic' }],
    [['ApiKey'], { as: 'authorization', scheme: 'ApiKey' }],
    [['Basic', 'bearer'], { as: 'bearer' }],
    [['Negotiate'], { as: 'bearer' }],
  ])('is a secret that each user enters where a server with %s has no metadata', (schemes, send) => {
    const { spec, unknowns } = providerOf({ relay: refused, sdk: refused, challenge: { how, schemes } });
    expect(spec).toMatchObject({ type: 'static', owner: 'user', send });
    expect(unknowns[0]?.move).toBe(schemes[0] === 'Negotiate' ? "the server's operator" : 'you');
  });

  test.each([
    ['Authorization', 'Bearer {token}', { as: 'bearer' }],
    ['Authorization', 'Token {token}', { as: 'authorization', scheme: 'Token' }],
    ['X-Api-Key', undefined, { as: 'header', name: 'X-Api-Key' }],
    ['X-Auth', 'Key {key}', { as: 'header', name: 'X-Auth', prefix: 'Key' }],
    ['Cookie', 's={id}', { as: 'bearer' }],
  ])('is a secret in the header %s that a registry names, in the form %s', (name, form, send) => {
    const { spec } = providerOf({ relay: refused, sdk: refused, registry: header(name, form) });
    expect(spec).toMatchObject({ type: 'static', send });
  });

  test('is none where everybody is given the tools and nothing says where to sign in', () => {
    expect(providerOf({}).spec).toEqual({ type: 'none', server: 'notes' });
  });
});

describe('an address that may not be called', () => {
  const inside = {
    url: 'http://10.0.0.5:9000/mcp',
    network: { type: 'private' as const, how, addresses: ['10.0.0.5'] },
  };

  test('is allowed by a document of its own', () => {
    const { parsed } = validated({ ...base, ...inside });
    expect(parsed[0]).toMatchObject({
      kind: 'OutboundNetwork',
      spec: { allow: [{ host: '10.0.0.5', ports: [9000], http: true }] },
    });
  });

  test('is for the administrator to add where there is such a document, and nothing where it has it', () => {
    const kindsWith = (outboundNetwork: Surroundings['outboundNetwork']) =>
      validated({ ...base, ...inside }, { outboundNetwork });
    const without = kindsWith([{ host: '10.0.0.5', ports: [9001], http: true }]);
    expect(without.parsed.map(({ kind }) => kind)).not.toContain('OutboundNetwork');
    expect(without.unknowns[0]?.todo).toContain('10.0.0.5');
    const within = kindsWith([{ host: '10.0.0.5', http: true }]);
    expect(within.unknowns.map(({ todo }) => todo).join()).not.toContain('10.0.0.5');
  });
});

test('no document is written where no server was found, and it says whose move it is', () => {
  const unreachable = ['dns', 'connection', 'tls', 'timeout', 'refused-address', 'proxy', 'interrupted'] as const;
  for (const endpoint of [
    { type: 'http-and-sse', how },
    { type: 'web-page', how, status: 200 },
    { type: 'redirect', how, location: 'http://10.0.0.1/', why: 'private' },
    { type: 'not-mcp', how, status: 404, contentType: '' },
    ...unreachable.map((reason) => ({ type: 'unreachable' as const, how, reason, code: 'CODE', said: 'words' })),
  ] as const) {
    const { documents, unknowns } = describeServer({ ...base, endpoint });
    expect(documents).toEqual([]);
    expect(unknowns).toHaveLength(1);
    expect(unknowns[0]?.todo).toMatch(/\.$/);
  }
});

test('differences say what the SDK sees and what Sallyport sees', () => {
  const refused = { outcome: 'wants-credential', how, status: 401 } as const;
  expect(describeServer(base).differences).toEqual([]);
  const aboutOf = (findings: Partial<Findings>) =>
    describeServer({ ...base, ...findings }).differences.map(({ about }) => about);
  expect(aboutOf({ sdk: refused })).toEqual(['listing tools']);
  expect(aboutOf({ sdk: listed(tools, { era: 'modern', version: '2026-07-28' }) })).toEqual(['revision']);
  expect(aboutOf({ sdk: listed(tools.slice(1)) })).toEqual(['tools']);
  const ours = { how, resource, authorizationServer: server() };
  expect(aboutOf({ signIn: ours, signInBySdk: { how, issuer: 'https://as.example/' } })).toEqual([]);
  expect(aboutOf({ signIn: ours, signInBySdk: { how, issuer: 'https://b.example' } })).toEqual([
    'authorization server',
  ]);
  expect(aboutOf({ signIn: ours, signInBySdk: { how, said: 'no' } })).toEqual(['signing in']);
  expect(aboutOf({ signIn: failure('no_s256'), signInBySdk: { how, issuer: 'https://as.example' } })).toEqual([
    'signing in',
  ]);
});
