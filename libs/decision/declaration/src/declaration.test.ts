import { describe, expect, it } from 'vitest';
import { parseDeclaration } from './declaration.js';
import { SOUND } from './testing/sound-configuration.js';

/** The error's lines without the heading. */
function problems(text: string): string[] {
  try {
    parseDeclaration(text, 'sallyport.yaml');
  } catch (error) {
    expect(error).toMatchObject({ code: 'declaration_invalid' });
    return (error as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}
/** Appended to a sound file, whose last line is this one. */
const LAST_LINE = SOUND.trimEnd().split('\n').length;
const appended = (text: string) => problems(`${SOUND.trimEnd()}\n---\n${text}`);
const edited = (from: string, to: string) => {
  expect(SOUND).toContain(from);
  return problems(SOUND.replace(from, to));
};

describe('a declarative file', () => {
  it('is read whole, with defaults filled in (R69)', () => {
    const { documents } = parseDeclaration(SOUND, 'sallyport.yaml');
    expect(documents.map((document) => `${document.kind}/${document.name}`)).toEqual([
      'TrustProvider/demo',
      'McpServer/notes',
      'McpServer/other',
      'CredentialProvider/notes-user',
      'CredentialProvider/other-none',
      'Role/writer',
      'AccessPolicy/everybody',
      'AccessPolicy/notes-policy',
      'Role/auditor',
      'AccessPolicy/other-policy',
    ]);
    expect(documents[1]).toMatchObject({ spec: { timeout: '60s' } });
  });

  it('may end in a separator', () => {
    expect(parseDeclaration(`${SOUND}\n---\n`, 'f').documents).toEqual(parseDeclaration(SOUND, 'f').documents);
  });

  it.each<[string, string, string, string]>([
    [
      'an unknown kind',
      'kind: Role',
      'kind: Roll',
      'sallyport.yaml:23:1: Roll "writer": kind is `Roll`, must be one of TrustProvider, Role, Administrators, McpServer, ' +
        'ApprovedTools, CredentialProvider, AccessPolicy, Agent, WorkloadIssuer, ClientRegistration, ' +
        'AuthorizationServer, Gateway, OutboundNetwork, Webhook, LogStream',
    ],
    [
      'an unknown field',
      '  when: ',
      '  wen: ',
      'sallyport.yaml:39:3: AccessPolicy "notes-policy": spec.wen is not a field here: correct its spelling or remove it',
    ],
    [
      'a machine that proves nothing (R5)',
      'kind: Role\n',
      'kind: Agent\nname: nightly\nspec: { displayName: N, machine: { roles: [writer] } }\n---\nkind: Role\n',
      'sallyport.yaml:25:1: Agent "nightly": spec.authentication is needed for a machine: give it a workload ' +
        'identity, a key or a secret',
    ],
    [
      'assertions of one issuer for two providers (S1)',
      'kind: Role\n',
      ['one', 'two']
        .map(
          (name) =>
            `kind: TrustProvider\nname: ${name}\nspec: { issuer: "https://idp.example", clientId: x, identityAssertions: {} }\n---\n`,
        )
        .join('') + 'kind: Role\n',
      ['25:53: TrustProvider "one"', '29:53: TrustProvider "two"']
        .map(
          (where) =>
            `sallyport.yaml:${where}: spec.identityAssertions is in two providers of one issuer: an assertion would not say whose human it is about`,
        )
        .join('\n'),
    ],
    [
      'a workload of nobody in particular (R5)',
      'kind: Role\n',
      'kind: WorkloadIssuer\nname: github\nspec: { type: github-actions }\n---\nkind: Agent\nname: ci\nspec: { ' +
        'displayName: CI, machine: {}, authentication: { method: workload, issuer: github, when: "true" } ' +
        '}\n---\nkind: Role\n',
      'sallyport.yaml:29:39: Agent "ci": spec.authentication.subject is required, or `claims` with repository, ' +
        'repository_id, repository_owner, repository_owner_id: an expression alone does not say whose workload ' +
        'it is',
    ],
    [
      'a workload of an issuer that is not there (R5)',
      'kind: Role\n',
      'kind: Agent\nname: ci\nspec: { displayName: CI, machine: {}, authentication: { method: workload, ' +
        'issuer: github, subject: x } }\n---\nkind: Role\n',
      'sallyport.yaml:25:75: Agent "ci": spec.authentication.issuer names the WorkloadIssuer "github", which does ' +
        'not exist: add it',
    ],
    [
      'a workload that would sign humans in (R5)',
      'kind: Role\n',
      'kind: WorkloadIssuer\nname: github\nspec: { type: github-actions }\n---\nkind: Agent\nname: ci\nspec: { ' +
        'displayName: CI, redirectUris: ["https://ci.example/cb"], authentication: { method: workload, issuer: ' +
        'github, subject: x } }\n---\nkind: Role\n',
      'sallyport.yaml:29:85: Agent "ci": spec.authentication.method can be `workload` for a machine only: add `machine`',
    ],
    [
      'a trust domain without keys (R5)',
      'kind: Role\n',
      'kind: WorkloadIssuer\nname: mesh\nspec: { type: spiffe, trustDomain: acme.example }\n---\nkind: Role\n',
      'sallyport.yaml:25:1: WorkloadIssuer "mesh": spec.jwksUri or `keys` is required: a trust domain has no ' +
        'discovery document',
    ],
    [
      'a workload token for a year (R5)',
      'kind: Role\n',
      'kind: WorkloadIssuer\nname: github\nspec: { type: github-actions, maxLifetime: 365d }\n---\nkind: Role\n',
      'sallyport.yaml:25:31: WorkloadIssuer "github": spec.maxLifetime must be between 1m and 24h',
    ],
    [
      'an agent with nowhere to send its answers',
      'kind: Role\n',
      'kind: Agent\nname: crm\nspec: { displayName: CRM }\n---\nkind: Role\n',
      'sallyport.yaml:25:1: Agent "crm": spec.redirectUris is required: add one, or `machine` for an agent ' +
        'without a human',
    ],
    [
      'an agent whose answers would go over plain http',
      'kind: Role\n',
      'kind: Agent\nname: crm\nspec: { displayName: CRM, redirectUris: ["http://crm.example/cb"] }\n---\nkind: Role\n',
      'sallyport.yaml:25:42: Agent "crm": spec.redirectUris.0 is plain http, which is for loopback addresses ' +
        'only: use https',
    ],
    [
      'an agent under a name of ours',
      'kind: Role\n',
      'kind: Agent\nname: sallyport-control-plane\nspec: { displayName: CRM, redirectUris: ' +
        '["https://crm.example/cb"] }\n---\nkind: Role\n',
      'sallyport.yaml:24:1: Agent "sallyport-control-plane": name is the name of a client of our own: choose another',
    ],
    [
      'a scheme that agents may register anything of (R18, S35)',
      'kind: Role\n',
      'kind: ClientRegistration\nname: default\nspec: { dynamic: { redirectHosts: [localhost, "cursor:"] } ' +
        '}\n---\nkind: Role\n',
      'sallyport.yaml:25:47: ClientRegistration "default": spec.dynamic.redirectHosts.1 lets nothing register: ' +
        'cursor: is a scheme, with which an application can do other things too; write the whole redirect URI, ' +
        'as in cursor://anysphere.cursor-mcp/oauth/callback',
    ],
    [
      'an access token for longer than an hour (R47)',
      'kind: Role\n',
      'kind: AuthorizationServer\nname: default\nspec: { lifetimes: { accessToken: 61m } }\n---\nkind: Role\n',
      'sallyport.yaml:25:22: AuthorizationServer "default": spec.lifetimes.accessToken is more than 1h: shorten it',
    ],
    [
      'a session that ends before its token (R86)',
      'kind: Role\n',
      'kind: AuthorizationServer\nname: default\nspec: { lifetimes: { sessionIdle: 5m } }\n---\nkind: Role\n',
      'sallyport.yaml:25:22: AuthorizationServer "default": spec.lifetimes.sessionIdle is less than an access ' +
        'token lives (15m): lengthen it',
    ],
    [
      'a session longer than we remember its end',
      'kind: Role\n',
      'kind: AuthorizationServer\nname: default\nspec: { lifetimes: { session: 366d } }\n---\nkind: Role\n',
      'sallyport.yaml:25:22: AuthorizationServer "default": spec.lifetimes.session is more than 365d: shorten it',
    ],
    [
      'a lost refresh that may be repeated for half a day (S9)',
      'kind: Role\n',
      'kind: AuthorizationServer\nname: default\nspec: { lifetimes: { refreshRepeat: 12h } }\n---\nkind: Role\n',
      'sallyport.yaml:25:22: AuthorizationServer "default": spec.lifetimes.refreshRepeat must be between 1m and 1h',
    ],
    [
      'a URL that is none',
      'https://notes.example/mcp',
      'notes.example',
      'sallyport.yaml:9:3: McpServer "notes": spec.url must be an absolute http(s) URL',
    ],
    [
      'a URL with a password',
      'https://notes.example/mcp',
      'https://u:p@notes.example/mcp',
      'sallyport.yaml:9:3: McpServer "notes": spec.url must carry neither user information nor a fragment',
    ],
    [
      'a missing field',
      'spec: { url: https://other.example/mcp }',
      'spec: {}',
      'sallyport.yaml:13:1: McpServer "other": spec.url is required: add it (string)',
    ],
    [
      'a field of the wrong type',
      '[get_*]',
      'get_*',
      'sallyport.yaml:41:9: AccessPolicy "notes-policy": spec.tools.0.match must be a list',
    ],
    [
      'a server id in upper case',
      'name: other\n',
      'name: Other\n',
      'sallyport.yaml:12:1: McpServer "Other": name must be lower-case letters, digits and single hyphens, at most 24',
    ],
    [
      'a secret in clear',
      '{ env: IDP_SECRET }',
      'hunter2',
      'sallyport.yaml:4:59: TrustProvider "demo": spec.clientSecret is never written here: name where to read it, ' +
        'as { env: NAME } or { file: path }',
    ],
    [
      'a key in clear',
      'clientSecret: { env: IDP_SECRET }',
      'clientKey: hunter2',
      'sallyport.yaml:4:59: TrustProvider "demo": spec.clientKey is never written here: name where to read it, as ' +
        '{ env: NAME } or { file: path }',
    ],
    [
      'an expression over claims that does not compile (S29)',
      '{ env: IDP_SECRET }',
      '{ env: IDP_SECRET }, claims: { groups: { cel: user.groups } }',
      'sallyport.yaml:4:114: TrustProvider "demo": spec.claims.groups.cel Unknown variable: user',
    ],
    [
      'a path into claims that is none',
      '{ env: IDP_SECRET }',
      '{ env: IDP_SECRET }, claims: { subject: a b }',
      'sallyport.yaml:4:104: TrustProvider "demo": spec.claims.subject is not a path: write segments of letters, ' +
        'digits, `_`, `-` and `:` with dots between them, and anything else in double quotes',
    ],
    [
      'an endpoint of every tenant without a list of them (S1)',
      'issuer: https://idp.example, ',
      'preset: entra, issuer: https://login.example/common/v2.0, ',
      'sallyport.yaml:4:1: TrustProvider "demo": spec.allowedTenants is required for an issuer that every tenant ' +
        'shares: list the tenant ids that may sign in',
    ],
    [
      'an unknown preset',
      'issuer: https://idp.example',
      'preset: octa, issuer: https://idp.example',
      'sallyport.yaml:4:9: TrustProvider "demo": spec.preset is `octa`, must be one of okta, entra, google, ' +
        'auth0, keycloak, generic',
    ],
    [
      'an exchange of tokens that are not kept',
      'spec: { type: none, server: other }',
      'spec: { type: token-exchange, server: other, trustProvider: demo, origin: "https://other.example" }',
      'sallyport.yaml:21:46: CredentialProvider "other-none": spec.trustProvider keeps no tokens that could be ' +
        'exchanged: say `session: { keepTokens: true }` in the TrustProvider "demo"',
    ],
    [
      'an exchange of tokens of nobody',
      'spec: { type: none, server: other }',
      'spec: { type: id-jag, server: other, trustProvider: okta, issuer: "https://as.example", client: { ' +
        'authentication: client_secret_basic, clientId: x, clientSecret: { env: IDP_SECRET } }, origin: ' +
        '"https://other.example" }',
      'sallyport.yaml:21:38: CredentialProvider "other-none": spec.trustProvider names the TrustProvider "okta", ' +
        'which does not exist: use one of demo, or add it',
    ],
    [
      'an exchange for a server that moved (S20)',
      'spec: { type: none, server: other }',
      'spec: { type: id-jag, server: other, trustProvider: demo2, issuer: "https://as.example", client: { ' +
        'authentication: client_secret_basic, clientId: x, clientSecret: { env: IDP_SECRET } }, origin: ' +
        '"https://moved.example" }\n---\nkind: TrustProvider\nname: demo2\nspec: { issuer: ' +
        '"https://idp2.example", clientId: x, session: { keepTokens: true } }',
      'sallyport.yaml:21:187: CredentialProvider "other-none": spec.origin is not where the server "other" is: a ' +
        'credential does not follow a server that moves; when this one is meant for https://other.example, say ' +
        'so here',
    ],
    [
      'the scope *',
      'scopes: [notes.read]',
      'scopes: ["*"]',
      'sallyport.yaml:25:18: Role "writer": spec.scopes.0 there is no `*` scope',
    ],
    [
      'an unknown hop',
      'hop: gateway-to-server',
      'hop: sideways',
      'sallyport.yaml:34:3: AccessPolicy "notes-policy": spec.hop is `sideways`, must be one of ' +
        'client-to-gateway, gateway-to-server',
    ],
    [
      'a server policy without a credential provider (R27)',
      '  credentialProvider: notes-user\n',
      '',
      'sallyport.yaml:33:1: AccessPolicy "notes-policy": spec.credentialProvider is required: add it (string)',
    ],
    [
      'a credential provider that is not there (R27)',
      'credentialProvider: notes-user',
      'credentialProvider: nobody',
      'sallyport.yaml:36:3: AccessPolicy "notes-policy": spec.credentialProvider names the CredentialProvider ' +
        '"nobody", which does not exist: use one of notes-user, other-none, or add it',
    ],
    [
      'a credential provider of another server (R27)',
      'credentialProvider: notes-user',
      'credentialProvider: other-none',
      'sallyport.yaml:36:3: AccessPolicy "notes-policy": spec.credentialProvider names "other-none", which ' +
        'yields credentials for the server "other": use one for "notes"',
    ],
    [
      'a server that is not there',
      '  server: notes\n',
      '  server: ghost\n',
      'sallyport.yaml:35:3: AccessPolicy "notes-policy": spec.server names the McpServer "ghost", which does not ' +
        'exist: use one of notes, other, or add it',
    ],
    [
      'a trust provider that is not there (S1)',
      'trustProviders: [demo]',
      'trustProviders: [okta]',
      'sallyport.yaml:29:50: AccessPolicy "everybody": spec.trustProviders.0 names the TrustProvider "okta", ' +
        'which does not exist: use one of demo, or add it',
    ],
    [
      'a role of a trust provider that is not there (S1)',
      '[{ trustProvider: demo,',
      '[{ trustProvider: okta,',
      'sallyport.yaml:25:43: Role "writer": spec.members.0.trustProvider names the TrustProvider "okta", which ' +
        'does not exist: use one of demo, or add it',
    ],
    [
      'groups without the provider that asserts them (S1)',
      'users: { roles: [writer] }',
      'users: { groups: [staff] }',
      'sallyport.yaml:37:3: AccessPolicy "notes-policy": spec.users `groups` and `subjects` need ' +
        '`trustProvider`: the identity provider that asserts them',
    ],
    [
      'a role that is not there',
      'roles: [writer] }\n  conditions',
      'roles: [reader] }\n  conditions',
      'sallyport.yaml:37:20: AccessPolicy "notes-policy": spec.users.roles.0 names the Role "reader", which does ' +
        'not exist: use one of writer, auditor, or add it',
    ],
    [
      'hours that do not compile',
      'Mon-Fri 07:00-20:00 Europe/Berlin',
      'Mon-Fri 07:00-20:00 Mars/Olympus',
      'sallyport.yaml:38:17: AccessPolicy "notes-policy": spec.conditions.hours `Mars/Olympus` is not a time zone',
    ],
    [
      'a network that does not compile',
      '10.0.0.0/8',
      '10.0.0.0/88',
      'sallyport.yaml:38:61: AccessPolicy "notes-policy": spec.conditions.sourceCidrs is not an address or CIDR ' +
        'block: 10.0.0.0/88',
    ],
    [
      'an expression that does not compile (S29)',
      '"staff" in user.groups',
      '"staff" in usr.groups',
      'sallyport.yaml:39:3: AccessPolicy "notes-policy": spec.when Unknown variable: usr',
    ],
    [
      'a name taken twice',
      'name: notes-policy',
      'name: everybody',
      'sallyport.yaml:32:1: AccessPolicy "everybody": name is taken by another AccessPolicy: choose another name or ' +
        'remove one of the two',
    ],
    [
      'a key written twice',
      '  url: https://notes.example/mcp',
      '  url: https://notes.example/mcp\n  url: https://evil.example/mcp',
      'sallyport.yaml:10:3: is not valid YAML: Map keys must be unique',
    ],
    ['YAML that does not parse', 'spec: { url: https://other.example/mcp }', 'spec: { url: [', ''],
  ])('with %s is refused with file, line, column, field and remedy', (_, from, to, expected) => {
    const found = edited(from, to);
    if (expected === '') expect(found[0]).toMatch(/^sallyport\.yaml:\d+:\d+: is not valid YAML: /);
    else expect(found.join('\n')).toBe(expected);
  });

  it('with `toolPrefix: never` and two servers is refused (S12)', () => {
    expect(problems(`${SOUND}---\nkind: Gateway\nname: default\nspec: { toolPrefix: never }\n`)).toEqual([
      'sallyport.yaml:53:9: Gateway "default": spec.toolPrefix can be `never` with a single McpServer only: ' +
        'tools of two servers could have one name',
    ]);
  });

  it('never repeats a secret in its errors (S30)', () => {
    expect(edited('{ env: IDP_SECRET }', 'hunter2').join()).not.toContain('hunter2');
  });

  it('with many mistakes lists the first and counts the rest', () => {
    const found = problems(
      Array.from({ length: 30 }, (_, i) => `kind: McpServer\nname: s${i}\nspec: { url: x }`).join('\n---\n'),
    );
    expect(found).toHaveLength(21);
    expect(found.at(-1)).toBe('and 10 more');
  });
});

describe('a declarative file that is no ordinary YAML', () => {
  const explosion = `a: &a [${'1,'.repeat(9)}1]\nb: &b [${'*a,'.repeat(9)}*a]\nc: &c [${'*b,'.repeat(9)}*b]\nd: [${'*c,'.repeat(9)}*c]`;
  it.each([
    [
      'an alias without its anchor',
      'kind: *nowhere',
      'is not valid YAML: Unresolved alias (the anchor must be set before the alias): nowhere',
    ],
    [
      'aliases that would explode',
      explosion,
      'is not valid YAML: Excessive alias count indicates a resource exhaustion attack',
    ],
    ['a tag for code', 'kind: !!js/function "x"\nname: a', /^x "a": kind is `x`, must be one of/],
    [
      'a key that would reach the prototype',
      'kind: Role\nname: r\nspec: { scopes: [a] }\n__proto__: { x: 1 }',
      'Role "r": __proto__ is not a field here: correct its spelling or remove it',
    ],
    [
      'a NUL in a text',
      'kind: McpServer\nname: m\nspec: { url: https://m.example/mcp, title: "a\\0b" }',
      'McpServer "m": spec.title holds a character that is no text: remove it',
    ],
    [
      'half of a character',
      'kind: McpServer\nname: m\nspec: { url: https://m.example/mcp, title: "\\ud800" }',
      'McpServer "m": spec.title holds a character that is no text: remove it',
    ],
    [
      'a time no timer can count',
      'kind: McpServer\nname: m\nspec: { url: https://m.example/mcp, timeout: 30d }',
      'McpServer "m": spec.timeout must be at most 1h',
    ],
    ['a list', '- a', 'document: document must be a mapping (`field: value`)'],
  ])('is refused with file and line: %s', (_what, text, expected) => {
    const [problem = '', ...more] = appended(text);
    const [, line, said = ''] = /^sallyport\.yaml:(\d+):\d+: (.*)$/.exec(problem) ?? [];
    expect(Number(line)).toBeGreaterThan(LAST_LINE);
    expect(said).toEqual(typeof expected === 'string' ? expected : expect.stringMatching(expected));
    expect(more).toEqual([]);
  });

  it.each(['', '---\n---\n', '# nothing but a comment\n'])(
    'is refused when it holds nothing, which would remove everything: %j',
    (text) => {
      expect(problems(text)).toEqual([
        'sallyport.yaml:1:1: holds no document: applied, it would remove every server and policy',
      ]);
    },
  );
});
