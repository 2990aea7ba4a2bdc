import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAdminClient, isPermitted, PERMISSIONS, routes, type Answered, type Route } from '@sallyport/admin-api';
import { openAdminStream, serverSentEvents } from '@sallyport/admin-api/events';
import { AdministratorRole } from '@sallyport/configuration';
import { demoConfiguration } from '@sallyport/demo';
import { Secret } from '@sallyport/kernel';
import { eventually, makeScratch, removeScratch } from '@sallyport/testing';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Person, type PersonName } from '../agents/person.js';
import { signIn } from '../agents/sign-in.js';
import { administrator } from '../system/administrator.js';
import { RolePipelines } from '../system/role-pipelines.js';
import { startStandalone } from '../system/start-standalone.js';
import type { System } from '../system/system.js';

const CALLBACK = 'http://127.0.0.1:43117/callback';
const roles = AdministratorRole.options;

describe('administrators', () => {
  let system: System;
  let scratch: string;
  let tokens: ReadonlyMap<AdministratorRole, string>;
  beforeAll(async () => {
    scratch = makeScratch('administrators');
    const pipelines = new RolePipelines(scratch);
    system = await startStandalone({ configure: (demo) => `${pipelines.documents}${demoConfiguration(demo)}` });
    tokens = await pipelines.tokens(system);
  });
  afterAll(async () => {
    await system?.stop();
    removeScratch(scratch);
  });

  const api = () => `${system.controlPlaneUrl}/v1`;
  const request = async (route: Pick<Route, 'method' | 'path'>, token: string) => {
    const response = await fetch(`${system.controlPlaneUrl}${route.path.replaceAll(/:\w+/g, 'no-such')}`, {
      method: route.method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(route.method !== 'GET' && { body: '{"isNothing":true}' }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const client = (token: string) => createAdminClient({ url: system.controlPlaneUrl, token: new Secret(token) });

  /** As `sallyport login` does it: a browser, a callback on loopback, PKCE. */
  async function logIn(name: PersonName): Promise<string> {
    const verifier = randomBytes(32).toString('base64url');
    const parameters = {
      client_id: 'sallyport-cli',
      redirect_uri: CALLBACK,
      response_type: 'code',
      resource: api(),
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    };
    const person = new Person(name, { agentRedirectUri: CALLBACK });
    const landing = await person.visit(`${system.issuer}/authorize?${new URLSearchParams(parameters)}`);
    if (landing.type !== 'stopped') throw new Error(landing.page.text);
    const code = landing.url.searchParams.get('code');
    if (code === null) throw new Error(`${person.visited.at(-1)?.text} ${landing.url.search}`);
    const response = await fetch(`${system.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: 'sallyport-cli',
        code,
        redirect_uri: CALLBACK,
        code_verifier: verifier,
      }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  }

  test('every route is open to the roles that have its permission, and to no other (S29)', async () => {
    const cells: string[] = [];
    for (const route of Object.values<Route>(routes))
      for (const role of roles) {
        const { status, text } = await request(route, tokens.get(role) ?? '');
        const cell = `${route.method} ${route.path} as ${role}`;
        if (isPermitted([role], route.permission)) expect([401, 403], cell).not.toContain(status);
        else {
          expect([cell, status]).toEqual([cell, 403]);
          expect(JSON.parse(text)).toMatchObject({
            type: 'urn:sallyport:problem:not-permitted',
            permission: route.permission,
            roles: PERMISSIONS[route.permission],
          });
        }
        cells.push(cell);
      }
    expect(cells).toHaveLength(Object.keys(routes).length * roles.length);
  });

  /** A change set by hand, as whoever has this role. */
  const write = async (role: AdministratorRole, documents: readonly object[], deletes: readonly object[] = []) => {
    const response = await fetch(`${system.controlPlaneUrl}/v1/change-sets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.get(role) ?? ''}`, 'content-type': 'application/json' },
      body: JSON.stringify({ set: null, documents, deletes, takeOver: true }),
    });
    return { status: response.status, text: await response.text() };
  };

  /** What a change would do, as whoever has this role is told it: by a plan, or by a dry run of the write. */
  const ask = async (path: 'plans' | 'change-sets?dryRun=true', role: AdministratorRole, body: object) => {
    const response = await fetch(`${system.controlPlaneUrl}/v1/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.get(role) ?? ''}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  };

  test('whoever may not write a secret learns nothing by guessing at it (S29, S30)', async () => {
    const { documents } = await client(tokens.get('viewer') ?? '').readConfiguration();
    // Whoever knows its secret administers: its kind is a credential administrator's to write, and it is not.
    const agent = documents.find(({ name }) => name === 'as-viewer');
    const guess = (path: 'plans' | 'change-sets?dryRun=true', role: AdministratorRole, value: string) =>
      ask(path, role, { set: 'file', documents: [agent], secrets: { 'Agent/as-viewer/clientSecret': value } });
    const right = readFileSync(join(scratch, 'pipelines-secret'), 'utf8');
    for (const role of roles) {
      const [hit, miss] = [await guess('plans', role, right), await guess('plans', role, 'wrong')];
      if (role === 'owner') {
        expect([JSON.parse(hit.text), JSON.parse(miss.text)]).toMatchObject([
          { plan: { changes: [] }, uncompared: [] },
          { plan: { changes: [{ name: 'as-viewer', action: 'update' }] }, uncompared: [] },
        ]);
        continue;
      }
      expect([role, hit]).toEqual([role, miss]);
      expect(JSON.parse(hit.text)).toMatchObject({
        plan: { changes: [] },
        refused: [],
        uncompared: ['Agent/as-viewer/clientSecret'],
      });
    }
    expect((await guess('change-sets?dryRun=true', 'owner', right)).text).toContain('"changes":[]');
    for (const role of ['policy-author', 'credential-admin'] as const) {
      const [hit, miss] = [
        await guess('change-sets?dryRun=true', role, right),
        await guess('change-sets?dryRun=true', role, 'wrong'),
      ];
      expect(hit).toEqual(miss);
      expect(hit).toMatchObject({ status: 403, text: expect.stringContaining('leave the value of its secret out') });
    }
  });

  test('everybody who reads documents may plan, and is told what they could not write (R70, S29)', async () => {
    const documents = [
      { kind: 'Role', name: 'planned', spec: { scopes: ['notes.read'] } },
      { kind: 'AccessPolicy', name: 'planned', spec: { hop: 'client-to-gateway' } },
      { kind: 'Agent', name: 'planned', spec: { displayName: 'Planned', redirectUris: ['https://a.example/cb'] } },
    ];
    const mayWrite: Record<AdministratorRole, readonly string[]> = {
      owner: ['Role', 'AccessPolicy', 'Agent'],
      'credential-admin': ['Role', 'Agent'],
      'policy-author': ['AccessPolicy'],
      operator: [],
      auditor: [],
      viewer: [],
    };
    for (const role of roles) {
      const { status, text } = await ask('plans', role, { set: null, documents });
      const { plan, refused } = JSON.parse(text) as Answered<'planChangeSet'>;
      expect([role, status, plan.changes.map(({ kind }) => kind).toSorted()]).toEqual([
        role,
        200,
        ['AccessPolicy', 'Agent', 'Role'],
      ]);
      expect([
        role,
        documents.map(({ kind }) => kind).filter((kind) => !refused.some((one) => one.kind === kind)),
      ]).toEqual([role, mayWrite[role]]);
    }
    const kept = await client(tokens.get('viewer') ?? '').readConfiguration();
    expect(kept.documents.filter(({ name }) => name === 'planned')).toEqual([]);
  });

  test('a policy author cannot redirect a credential, by whatever it writes (S29, R27)', async () => {
    const { documents } = await client(tokens.get('viewer') ?? '').readConfiguration();
    const specOf = (kind: string, name: string) =>
      documents.find((document) => document.kind === kind && document.name === name)?.spec;
    const evil = 'https://evil.example/mcp';
    const policy = (name: string, spec: object) => ({
      kind: 'AccessPolicy',
      name,
      spec: { hop: 'gateway-to-server', server: 'notes', credentialProvider: 'notes-per-user', ...spec },
    });
    const attempts: readonly [string, readonly object[], number][] = [
      ['the URL of a server', [{ kind: 'McpServer', name: 'notes', spec: { url: evil } }], 403],
      ['a server of its own', [{ kind: 'McpServer', name: 'evil', spec: { url: evil } }], 403],
      [
        'a provider',
        [{ kind: 'CredentialProvider', name: 'notes-per-user', spec: { type: 'none', server: 'notes' } }],
        403,
      ],
      ['the provider of another server', [policy('mine', { server: 'whoami' })], 422],
      ['a role', [{ kind: 'Role', name: 'mine', spec: { scopes: ['notes.write'] } }], 403],
      ['where users sign in', [{ kind: 'TrustProvider', name: 'demo', spec: specOf('TrustProvider', 'demo') }], 403],
      [
        'administrators',
        [{ kind: 'Administrators', name: 'us', spec: { role: 'owner', agents: ['as-policy-author'] } }],
        403,
      ],
      ['its own agent', [{ kind: 'Agent', name: 'as-policy-author', spec: specOf('Agent', 'as-owner') }], 403],
      [
        'a policy beside one of these',
        [policy('mine', {}), { kind: 'McpServer', name: 'notes', spec: { url: evil } }],
        403,
      ],
    ];
    for (const [what, puts, expected] of attempts) {
      const { status, text } = await write('policy-author', puts);
      expect([what, status, text]).toEqual([what, expected, expect.any(String)]);
    }
    expect((await write('policy-author', [], [{ kind: 'Role', name: 'reader' }])).status).toBe(403);
    expect((await client(tokens.get('viewer') ?? '').readConfiguration()).documents).toEqual(documents);

    expect((await write('credential-admin', [policy('mine', {})])).status).toBe(403);
    expect((await write('policy-author', [policy('mine', {})])).status).toBe(200);
  });

  test('an owner signs in with the command line and administers; nobody else gets as far (S29)', async () => {
    const token = await logIn('admin');
    expect(decodeJwt(token)).toMatchObject({ aud: api(), roles: [] });
    expect((await client(token).readConfiguration()).documents.length).toBeGreaterThan(0);
    await expect(logIn('alice')).rejects.toThrow('You do not administer this gateway');
  });

  test('a token for the gateway is none for the API, and the other way round (R16)', async () => {
    const { accessToken } = await signIn(system);
    const refused = await request({ method: 'GET', path: '/v1/configuration' }, accessToken);
    expect([refused.status, refused.text]).toEqual([401, expect.stringContaining('for another resource')]);
    expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
    for (const token of [tokens.get('owner') ?? '', await logIn('admin')]) {
      const call = await fetch(`${system.gatewayUrl}/mcp`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }),
      });
      expect([call.status, call.headers.get('www-authenticate')]).toEqual([
        401,
        expect.stringContaining('error="invalid_token"'),
      ]);
    }
  });

  test('the API says where its tokens come from (RFC 9728)', async () => {
    const { headers, status } = await request({ method: 'GET', path: '/v1/events' }, 'nothing');
    const url = /resource_metadata="([^"]+)"/.exec(headers.get('www-authenticate') ?? '')?.[1] ?? '';
    expect([status, await (await fetch(url)).json()]).toMatchObject([
      401,
      { resource: api(), authorization_servers: [system.issuer] },
    ]);
  });

  test('a revoked administrator is refused at the next request (S28)', async () => {
    const token = await logIn('admin');
    const ask = async () => (await request({ method: 'GET', path: '/v1/configuration' }, token)).status;
    expect(await ask()).toBe(200);
    await client(tokens.get('operator') ?? '').revoke({ body: { session: String(decodeJwt(token)['sid']) } });
    await eventually(async () => (await ask()) === 401, { timeoutMs: 1_000, until: 'the session is refused' });
  });

  test('who follows the trail and is no auditor any more gets no more of it (S4, S29)', async () => {
    const token = tokens.get('auditor') ?? '';
    const stream = await openAdminStream(
      { url: system.controlPlaneUrl, token: new Secret(token) },
      'listEvents',
      { query: {} },
      { accept: 'text/event-stream', signal: AbortSignal.timeout(60_000) },
    );
    const events = serverSentEvents(stream, 30_000);
    await events.next();
    expect(await write('owner', [], [{ kind: 'Administrators', name: 'auditor-pipeline' }])).toMatchObject({
      status: 200,
    });
    const seen = [];
    for await (const event of events) seen.push(event);
    expect(seen.at(-1)).toMatchObject({ event: 'end', data: '{"reason":"not-permitted"}' });
  });

  test('what administrators do is in the trail, and each use of the token file (R29, S29)', async () => {
    const trail = administrator(system);
    const requests = await trail.events({ type: 'administrator.request' });
    const { userId = '' } = requests.find(({ clientId }) => clientId === 'sallyport-cli') ?? {};
    expect(userId).toMatch(/^usr_/);
    const pipeline = requests.filter(
      ({ clientId, detail }) => clientId === 'as-operator' && detail['route'] === '/v1/revocations',
    );
    expect(pipeline.at(-1)?.detail).toMatchObject({ method: 'POST', roles: 'operator' });
    expect(await trail.events({ type: 'administrator.refused' })).not.toEqual([]);

    const uses = async () => (await trail.events({ type: 'administrator.break_glass' })).length;
    const before = await uses();
    for (let use = 0; use < 3; use++) await client(system.adminToken).readConfiguration();
    expect(await uses()).toBe(before + 3);
    expect(system.logs()).toContain('the administrator token was used');
  });
});
