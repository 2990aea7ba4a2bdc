import type { Document } from '@sallyport/configuration';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { REDIRECT_URI, TestAgent } from '../testing/test-agent.js';
import { TestBrowser } from '../testing/test-browser.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
let api: string;
const secret = 'a-secret-an-administrator-chose-0123456789';
const administrators = (spec: Extract<Document, { kind: 'Administrators' }>['spec']): Document => ({
  kind: 'Administrators',
  name: 'owners',
  spec,
});
const owners = administrators({
  role: 'owner',
  members: [{ trustProvider: 'test', groups: ['admins'] }],
  agents: ['deploy'],
});
const machine = (name: string): Document => ({
  kind: 'Agent',
  name,
  spec: {
    displayName: name,
    redirectUris: [],
    machine: { roles: [] },
    authentication: { method: 'client_secret', clientSecret: { env: 'UNUSED' } },
  },
});
const storeSecret = async (name: string) => {
  const sealed = Uint8Array.from(deployment.sealer.seal('stored-secret', secret, name));
  await deployment.database.storedSecret.create({ data: { name, sealed } });
};

beforeAll(async () => {
  deployment = await startTestDeployment();
  api = `${deployment.config.controlPlaneUrl}/v1`;
  for (const name of ['deploy', 'nightly']) await storeSecret(`Agent/${name}/clientSecret`);
});
afterAll(() => deployment.close());
beforeEach(async () => {
  deployment.provider.account = { sub: 'olga-id', email: 'olga@example.com', email_verified: true, groups: ['admins'] };
  deployment.events.length = 0;
  const machines: Document = {
    kind: 'AccessPolicy',
    name: 'machines',
    spec: { hop: 'client-to-gateway', agents: { machines: 'only' } },
  };
  await deployment.configure([owners, machine('deploy'), machine('nightly'), machines]);
});

const commandLine = () => new TestAgent(deployment, 'sallyport-cli', REDIRECT_URI);
const signIn = async (client = commandLine(), changes: Record<string, string | undefined> = {}) => {
  const named = { resource: api, scope: undefined, ...changes };
  const answer = await client.authorize(named);
  return client.redeem(answer.get('code'), { resource: named.resource });
};

describe('the command line, for administrators', () => {
  test('gets a token for the API and for nothing else, which says who signed in and not what they may (S4, S29)', async () => {
    const { status, body } = await signIn();
    expect(status).toBe(200);
    expect(body['refresh_token']).toEqual(expect.any(String));
    const claims = decodeJwt(String(body['access_token']));
    expect(claims).toMatchObject({
      aud: api,
      client_id: 'sallyport-cli',
      idp: 'test',
      idp_sub: 'olga-id',
      scope: '',
      roles: [],
    });
    expect(claims['sid']).toMatch(/^ses_/);
  });

  test('may listen at any port of this machine, and nowhere else (RFC 8252)', async () => {
    const elsewhere = new TestAgent(deployment, 'sallyport-cli', 'http://127.0.0.1:50123/callback');
    expect((await signIn(elsewhere)).status).toBe(200);
    const evil = new TestAgent(deployment, 'sallyport-cli', 'https://evil.example/callback');
    const page = await evil.open({ resource: api });
    expect([page.status, page.html]).toEqual([400, expect.stringContaining('redirect_uri')]);
  });

  test('without naming a resource it means the API, and it gets none for the gateway (R16)', async () => {
    const { body } = await signIn(commandLine(), { resource: undefined });
    expect(decodeJwt(String(body['access_token']))).toMatchObject({ aud: api });
    const refused = await commandLine().open({ resource: deployment.resource });
    expect([refused.status, refused.html]).toEqual([400, expect.stringContaining('invalid_target')]);
  });

  test('shows each time as what it would administer, and asks (S29, S35)', async () => {
    const client = commandLine();
    await signIn(client);
    const page = await client.press(
      await client.open({ resource: api, scope: undefined, prompt: 'login' }),
      /^Continue with/,
    );
    expect(page.html).toContain('Change everything, and who administers');
    expect(page.html).toContain('a part of Sallyport');
  });

  test('tells whoever is no administrator so, on a page, and gives nothing (S29)', async () => {
    deployment.provider.account = {
      sub: 'eve-id',
      email: 'eve@example.com',
      email_verified: true,
      groups: ['engineering'],
    };
    const client = commandLine();
    const page = await client.press(await client.open({ resource: api, scope: undefined }), /^Continue with/);
    expect([page.status, page.html]).toEqual([403, expect.stringContaining('You do not administer this gateway')]);
    const back = await client.press(page, 'Return to the agent');
    expect(back.url.searchParams.get('error')).toBe('access_denied');
  });

  test('is given nothing more once its user administers nothing any more (S4)', async () => {
    const client = commandLine();
    const { body } = await signIn(client);
    await deployment.configure([administrators({ role: 'owner', members: [], agents: [] })]);
    const { status, body: refused } = await client.refresh(body['refresh_token']);
    expect([status, refused['error']]).toEqual([400, 'invalid_grant']);
  });
});

test('an agent of an owner gets no token for the API: agents do not administer (S29)', async () => {
  const agent = await TestAgent.register(deployment);
  const refused = await agent.open({ resource: api, scope: undefined });
  expect([refused.status, refused.html]).toEqual([400, expect.stringContaining('invalid_target')]);
  const gateway = await agent.connect({ scope: 'notes.admin' });
  expect(decodeJwt(String(gateway.body['access_token']))).toMatchObject({ aud: deployment.resource });
  const other = await agent.refresh(gateway.body['refresh_token'], { resource: api });
  expect(other.body['error']).toBe('invalid_target');
});

describe('a pipeline', () => {
  const ask = (clientId: string, resource?: string) =>
    new TestAgent(deployment, clientId).token({ grant_type: 'client_credentials', client_secret: secret, resource });

  test('that is named gets tokens for the API, without scopes or roles of the gateway (S29)', async () => {
    const { status, body } = await ask('deploy', api);
    expect([status, body['scope'] ?? '']).toEqual([200, '']);
    expect(decodeJwt(String(body['access_token']))).toMatchObject({ aud: api, client_id: 'deploy', idp_sub: 'deploy' });
    expect(decodeJwt(String((await ask('deploy')).body['access_token']))).toMatchObject({ aud: deployment.resource });
  });

  test('that is not named is told who can name it, and may still use the gateway (S29)', async () => {
    const { status, body } = await ask('nightly', api);
    expect([status, body['error'], body['error_description']]).toEqual([
      400,
      'invalid_target',
      'this agent is no administrator: an owner names it in an Administrators document',
    ]);
    expect((await ask('nightly')).status).toBe(200);
  });
});

describe('a terminal without a browser (RFC 8628)', () => {
  const NOWHERE = 'http://nowhere.example';
  const begin = async (clientId = 'sallyport-cli') => {
    const answer = await fetch(`${deployment.issuer}/device/auth`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: clientId }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const poll = (device: Record<string, unknown>) =>
    commandLine().token({
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: String(device['device_code']),
    });
  /** As far as the page that asks whether the code is one's own. */
  const enter = async (userCode: unknown, browser = new TestBrowser()) => {
    const page = await browser.open(`${deployment.issuer}/device`, NOWHERE);
    return { browser, page: await browser.press(page, 'Continue', NOWHERE, { user_code: String(userCode) }) };
  };

  test('signs in by a code that its user types in any browser, once (S29)', async () => {
    const { status, body: device } = await begin();
    expect([status, device['verification_uri'], device['verification_uri_complete']]).toEqual([
      200,
      `${deployment.issuer}/device`,
      undefined,
    ]);
    expect((await poll(device)).body['error']).toBe('authorization_pending');

    const { browser, page } = await enter(String(device['user_code']).toLowerCase());
    expect(page.html).toContain('“Sallyport command line”');
    expect(page.html).toContain('127.0.0.1');
    let next = await browser.press(page, 'Continue', NOWHERE);
    expect(next.html).toContain('Whoever gave you the code gets in as you');
    next = await browser.press(next, /^Continue with/, NOWHERE);
    expect(next.html).toContain('Change everything, and who administers');
    expect((await poll(device)).body['error']).toBe('authorization_pending');
    next = await browser.press(next, 'Allow', NOWHERE);
    expect([next.status, next.html]).toEqual([200, expect.stringContaining('You are signed in')]);

    const { status: given, body: tokens } = await poll(device);
    expect(given).toBe(200);
    expect(decodeJwt(String(tokens['access_token']))).toMatchObject({ aud: api, idp_sub: 'olga-id', scope: '' });
    expect((await commandLine().refresh(tokens['refresh_token'])).status).toBe(200);
    expect((await poll(device)).body['error']).toBe('invalid_grant');
    expect((await enter(device['user_code'])).page.html).not.toContain('Is this the code');
  });

  test('is given nothing for whoever is no administrator, or says that the code is not theirs (S29)', async () => {
    const other = (await begin()).body;
    const refused = await enter(other['user_code']);
    await refused.browser.press(refused.page, 'This is not mine', NOWHERE);
    expect((await poll(other)).body['error']).toBe('access_denied');

    deployment.provider.account = { sub: 'eve-id', email: 'eve@example.com', email_verified: true, groups: [] };
    const device = (await begin()).body;
    const { browser, page } = await enter(device['user_code']);
    const denied = await browser.press(await browser.press(page, 'Continue', NOWHERE), /^Continue with/, NOWHERE);
    expect([denied.status, denied.html]).toEqual([403, expect.stringContaining('You do not administer this gateway')]);
    await browser.press(denied, 'Return to the agent', NOWHERE);
    expect((await poll(device)).body['error']).toBe('access_denied');
  });

  test('a code comes by no link, another form than ours enters none, and a wrong one says so (S35)', async () => {
    const { body: device } = await begin();
    const browser = new TestBrowser();
    const linked = await browser.open(`${deployment.issuer}/device?user_code=${String(device['user_code'])}`, NOWHERE);
    expect([linked.status, linked.html]).toEqual([200, expect.not.stringContaining(String(device['user_code']))]);
    const forged = await browser.press(linked, 'Continue', NOWHERE, {
      xsrf: 'x',
      user_code: String(device['user_code']),
    });
    expect(forged.html).not.toContain('Is this the code');
    expect((await enter('BCDF-GHJK')).page.html).toContain('There is no such code');
    expect((await enter('')).page.html).toContain('Enter the code that your terminal shows');
    expect((await poll(device)).body['error']).toBe('authorization_pending');
  });

  test('no agent has it: what registers itself, and the pages of ours, begin nothing (S29)', async () => {
    const agent = await TestAgent.register(deployment, {
      grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
    });
    for (const clientId of [agent.clientId, 'sallyport-control-plane'])
      expect((await begin(clientId)).body['error']).toMatch(/^(unauthorized_client|invalid_request)$/);
  });
});
