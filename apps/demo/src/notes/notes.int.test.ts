import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '@sallyport/kernel';
import { signIn, token, type TestClient } from '../testing/sign-in.js';
import { startNotes } from './start-notes.js';

const alice = { username: 'alice', password: 'alice-notes' };
const bob = { username: 'bob', password: 'bob-notes' };
const redirectUri = 'http://127.0.0.1:7402/connect/callback';

let dataDir: string;
let notes: Awaited<ReturnType<typeof startNotes>>;
let clients: Client[];

const start = (port: number) =>
  startNotes({ host: '127.0.0.1', port, dataDir, accessTokenSeconds: 120, clock: systemClock });

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'notes-'));
  notes = await start(0);
  clients = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(clients.map((client) => client.close()));
  await notes.close();
  await rm(dataDir, { recursive: true });
});

async function register(): Promise<TestClient> {
  const metadata = (await (
    await fetch(new URL('/.well-known/oauth-authorization-server/oauth', notes.issuer))
  ).json()) as Record<string, string>;
  const response = await fetch(metadata['registration_endpoint'] ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'A gateway',
      redirect_uris: [redirectUri],
      application_type: 'web',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'refresh_token'],
    }),
  });
  const registered = (await response.json()) as Record<string, string>;
  return {
    clientId: registered['client_id'] ?? '',
    clientSecret: registered['client_secret'] ?? '',
    redirectUri,
    endpoints: { authorization: metadata['authorization_endpoint'] ?? '', token: metadata['token_endpoint'] ?? '' },
  };
}

const tokensFor = (
  client: TestClient,
  account: { username: string; password: string },
  scope = 'notes:read notes:write',
) => signIn(client, { scope, resource: notes.url }, account);
const refresh = (client: TestClient, value: unknown) =>
  token(client, { grant_type: 'refresh_token', refresh_token: String(value) });

const revoke = ({ clientId, clientSecret = '', endpoints }: TestClient, value: unknown) =>
  fetch(endpoints.token.replace(/token$/, 'revoke'), {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
    body: new URLSearchParams({ token: String(value) }),
  });

async function connect(
  accessToken: unknown,
  mode: 'legacy' | { pin: string } = { pin: '2026-07-28' },
): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(notes.url), {
      requestInit: { headers: { authorization: `Bearer ${String(accessToken)}` } },
    }),
  );
  clients.push(client);
  return client;
}

describe('the notes server', () => {
  it('challenges a request without a token and says where to get one', async () => {
    const response = await fetch(notes.url, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    expect(response.status).toBe(401);
    const metadataUrl = /resource_metadata="([^"]+)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1];
    expect(await (await fetch(metadataUrl ?? '')).json()).toEqual({
      resource: notes.url,
      authorization_servers: [notes.issuer],
      scopes_supported: ['notes:read', 'notes:write'],
      bearer_methods_supported: ['header'],
    });
    expect(
      await (await fetch(new URL('/.well-known/oauth-authorization-server/oauth', notes.issuer))).json(),
    ).toMatchObject({
      issuer: notes.issuer,
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
    });
  });

  it.each([
    ['2025-11-25', 'legacy'],
    ['2026-07-28', { pin: '2026-07-28' }],
  ] as const)('serves tools with annotations and resources to a %s client', async (_era, mode) => {
    const client = await connect((await tokensFor(await register(), alice))['access_token'], mode);
    const { tools } = await client.listTools();
    expect(
      tools.map(({ name, annotations }) => [name, annotations?.readOnlyHint, annotations?.destructiveHint]),
    ).toEqual([
      ['add_note', false, false],
      ['list_notes', true, undefined],
      ['search_notes', true, undefined],
      ['delete_note', false, true],
    ]);
    const added = (await client.callTool({ name: 'add_note', arguments: { text: 'buy rope' } })).structuredContent as {
      id: string;
    };
    expect(
      (await client.callTool({ name: 'search_notes', arguments: { query: 'ROPE' } })).structuredContent,
    ).toMatchObject({ notes: [{ id: added.id, text: 'buy rope' }] });
    expect((await client.listResources()).resources.map(({ uri }) => uri)).toEqual([`note://${added.id}`]);
    expect((await client.readResource({ uri: `note://${added.id}` })).contents).toMatchObject([{ text: 'buy rope' }]);
    await client.callTool({ name: 'delete_note', arguments: { id: added.id } });
    expect((await client.callTool({ name: 'list_notes', arguments: {} })).structuredContent).toEqual({ notes: [] });
  });

  it("shows nobody somebody else's notes, in no way there is", async () => {
    const client = await register();
    const hers = await connect((await tokensFor(client, alice))['access_token']);
    const his = await connect((await tokensFor(client, bob))['access_token']);
    const { id } = (await hers.callTool({ name: 'add_note', arguments: { text: 'private' } })).structuredContent as {
      id: string;
    };
    expect((await his.callTool({ name: 'list_notes', arguments: {} })).structuredContent).toEqual({ notes: [] });
    expect((await his.callTool({ name: 'search_notes', arguments: { query: 'private' } })).structuredContent).toEqual({
      notes: [],
    });
    expect((await his.listResources()).resources).toEqual([]);
    await expect(his.readResource({ uri: `note://${id}` })).rejects.toMatchObject({ code: -32602 });
    expect(await his.callTool({ name: 'delete_note', arguments: { id } })).toMatchObject({ isError: true });
    expect((await hers.callTool({ name: 'list_notes', arguments: {} })).structuredContent).toMatchObject({
      notes: [{ id }],
    });
  });

  it('keeps a token within its scopes', async () => {
    const client = await connect((await tokensFor(await register(), alice, 'notes:read'))['access_token']);
    expect(await client.callTool({ name: 'add_note', arguments: { text: 'x' } })).toMatchObject({ isError: true });
    expect(await client.callTool({ name: 'list_notes', arguments: {} })).toMatchObject({
      structuredContent: { notes: [] },
    });
  });

  it('refuses tokens that are not its own, and a resource that is not its own', async () => {
    expect(
      (
        await fetch(notes.url, {
          method: 'POST',
          body: '{}',
          headers: { 'content-type': 'application/json', authorization: 'Bearer made-up' },
        })
      ).headers.get('www-authenticate'),
    ).toContain('error="invalid_token"');
    await expect(
      signIn(await register(), { scope: 'notes:read', resource: 'http://127.0.0.1:7411/mcp' }, alice),
    ).rejects.toThrow('invalid_target');
  });

  it('takes a refresh token once: using it again ends the grant with everything it gave', async () => {
    const client = await register();
    const first = await tokensFor(client, alice);
    const second = await refresh(client, first['refresh_token']);
    expect(second.status).toBe(200);
    expect(second.body['refresh_token']).not.toBe(first['refresh_token']);
    expect(await refresh(client, first['refresh_token'])).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect(await refresh(client, second.body['refresh_token'])).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    const dead = await fetch(notes.url, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${String(second.body['access_token'])}` },
    });
    expect(dead.status).toBe(401);
  });

  it('lets one of two simultaneous uses of a refresh token win at most', async () => {
    const client = await register();
    const { refresh_token } = await tokensFor(client, alice);
    const answers = await Promise.all([refresh(client, refresh_token), refresh(client, refresh_token)]);
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
  });

  it('keeps separate grants of one client and account apart', async () => {
    const client = await register();
    const [one, other] = [await tokensFor(client, alice), await tokensFor(client, alice)];
    await refresh(client, one['refresh_token']);
    await refresh(client, one['refresh_token']);
    expect((await refresh(client, other['refresh_token'])).status).toBe(200);
  });

  it('revokes a refresh token for its own client alone, and the engine has nothing to remark on that', async () => {
    const said = vi.spyOn(console, 'info').mockImplementation(() => undefined);
    const [client, other] = [await register(), await register()];
    const { refresh_token: value } = await tokensFor(client, alice);
    await revoke(other, value);
    const { status, body } = await refresh(client, value);
    expect(status).toBe(200);
    await revoke(client, body['refresh_token']);
    expect((await refresh(client, body['refresh_token'])).status).toBe(400);
    expect(said.mock.calls.filter(([line]) => String(line).includes('revocation'))).toEqual([]);
  });

  it('knows clients, grants, refresh tokens and notes after a restart', async () => {
    const client = await register();
    const tokens = await tokensFor(client, alice);
    await (await connect(tokens['access_token'])).callTool({ name: 'add_note', arguments: { text: 'still here' } });
    await notes.close();
    notes = await start(Number(new URL(notes.url).port));
    expect(
      (await (await connect(tokens['access_token'])).callTool({ name: 'list_notes', arguments: {} })).structuredContent,
    ).toMatchObject({ notes: [{ text: 'still here' }] });
    expect((await refresh(client, tokens['refresh_token'])).status).toBe(200);
  });

  it('writes no token to its files, and its files for nobody else', async () => {
    const client = await register();
    const tokens = await tokensFor(client, alice);
    const path = join(dataDir, 'notes-authorization-server.json');
    const stored = await readFile(path, 'utf8');
    for (const value of [tokens['access_token'], tokens['refresh_token']]) expect(stored).not.toContain(String(value));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('says which file is damaged', async () => {
    await writeFile(join(dataDir, 'notes.json'), '{');
    await expect(start(0)).rejects.toMatchObject({
      code: 'demo_data_unreadable',
      message: expect.stringContaining('notes.json is damaged'),
    });
  });
});
