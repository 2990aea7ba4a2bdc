import { describe, expect, test } from 'vitest';
import {
  alice,
  as,
  bob,
  Browser,
  connect,
  database,
  declared,
  deployForEachTest,
  endPause,
  lease,
  linkFor,
  log,
  notes,
  start,
} from '../../test/connect-deployment.js';

deployForEachTest();

const tryToConnect = async (person = alice, changes: Parameters<typeof linkFor>[1] = {}) => {
  const browser = new Browser(person.userId);
  return browser.submit(await browser.open(await linkFor(person, changes)));
};
const failure = async () =>
  (await database.event.findFirstOrThrow({ where: { type: 'connection.refresh_failed' } })).body;
const logged = () =>
  log
    .filter((line) => line.includes('an account could not be connected'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const registrations = () =>
  notes.requests
    .filter(({ path }) => path === '/register')
    .map(({ body }) => JSON.parse(body) as { scope?: string; application_type?: string });
const askedClients = () =>
  notes.requests
    .filter(({ path }) => path === '/token')
    .map(
      ({ authorization }) =>
        Buffer.from((authorization ?? '').replace('Basic ', ''), 'base64')
          .toString()
          .split(':')[0],
    );

describe('an issuer and its empty path (RFC 3986 section 6.2.3)', () => {
  test("are one: announced with a slash that the metadata has not, as Google's servers do", async () => {
    notes.resourceMetadata = { authorization_servers: [`${notes.origin}/`] };
    declared.providerClient = `, client: { issuer: "${notes.origin}/", clientId: sallyport-control-plane }`;
    await start(notes.resource);
    await connect(alice);
    expect((await lease(alice)).type).toBe('granted');
    expect(await database.connection.findFirstOrThrow()).toMatchObject({ issuer: notes.origin });
  });
  test("are one the other way; the answer's `iss` is as the metadata has it, exactly (RFC 9207)", async () => {
    notes.metadata = { issuer: `${notes.origin}/` };
    expect((await tryToConnect()).html).toContain('answered in the name of another authorization server');
    expect(await failure()).toMatchObject({
      detail: {
        reason: 'response_issuer_mismatch',
        wanted: `${notes.origin}/`,
        got: notes.origin,
        remedy: expect.not.stringContaining('authorizationServer'),
      },
    });
    notes.tamper = (parameters) => parameters.set('iss', `${notes.origin}/`);
    await connect(alice);
    expect(await database.connection.findFirstOrThrow()).toMatchObject({ issuer: `${notes.origin}/` });
  });
  test('another issuer is refused by name: in the trail, in the log, and to the user with the word to look for', async () => {
    notes.metadata = { issuer: 'https://evil.example' };
    const page = await tryToConnect();
    const values = {
      reason: 'issuer_mismatch',
      wanted: notes.origin,
      got: 'https://evil.example',
      address: `${notes.origin}/.well-known/oauth-authorization-server`,
    };
    expect([page.status, page.html]).toEqual([502, expect.stringContaining('under “issuer_mismatch”')]);
    expect(page.html).not.toContain('evil.example');
    expect(await failure()).toMatchObject({
      userId: alice.userId,
      server: 'notes',
      detail: { step: 'connect', remedy: expect.stringContaining('calls itself'), ...values },
    });
    expect(logged()).toMatchObject([{ server: 'notes', remedy: expect.any(String), ...values }]);
  });
});

test('what a server has not it may write as null, and register a client without a secret', async () => {
  notes.metadata = { scopes_supported: null, revocation_endpoint: null, service_documentation: null };
  notes.resourceMetadata = { resource_name: null, scopes_supported: null };
  notes.tamperRegistration = ({ client_id }) => ({
    client_id,
    client_secret: null,
    client_secret_expires_at: null,
    scope: null,
  });
  await connect(alice);
  await connect(bob);
  expect(registrations()).toHaveLength(1);
});

test('a list of authorization servers may begin with what is none; a list of nothing else ends on a page', async () => {
  notes.resourceMetadata = { authorization_servers: ['file:///x', notes.origin] };
  await connect(alice);
  notes.resourceMetadata = { authorization_servers: ['file:///x'] };
  const page = await tryToConnect(bob);
  expect([page.status, page.html]).toEqual([502, expect.stringContaining('names no sign-in that can be used')]);
  expect(await failure()).toMatchObject({
    detail: { reason: 'no_authorization_server', got: expect.stringContaining('file:') },
  });
});

describe('an authorization server that gives no more than was registered', () => {
  test('is told what will be asked for; whoever wants more is registered anew, and nobody else notices (R33, S24)', async () => {
    notes.registeredScopesOnly = true;
    await connect(alice);
    await connect(bob);
    expect(registrations()).toMatchObject([{ scope: 'notes.read' }]);
    const page = await tryToConnect(alice, { stepUp: { connectionRevision: 1, scopes: ['notes.write'] } });
    expect(page.html).toContain('<h1>Connected</h1>');
    expect(registrations()).toMatchObject([{ scope: 'notes.read' }, { scope: 'notes.read notes.write' }]);
    const clients = new Set((await database.connection.findMany()).map(({ clientId }) => clientId));
    expect(clients.size).toBe(2);
    await database.connection.updateMany({ data: { accessExpiresAt: new Date(0) } });
    await endPause();
    for (const person of [alice, bob]) expect(await lease(person)).toMatchObject({ type: 'granted' });
    expect(new Set(askedClients().slice(-2))).toEqual(clients);
  });
  test('is asked again without scopes where it takes none, once, and is then left alone', async () => {
    let refusals = 0;
    notes.tamperRegistration = (answer) => answer;
    Object.defineProperty(notes, 'registrationRefusal', {
      configurable: true,
      get: () =>
        registrations().at(-1)?.scope === undefined
          ? null
          : (refusals++, { status: 400, json: { error: 'invalid_client_metadata' } }),
    });
    await connect(alice);
    await tryToConnect(alice, { stepUp: { connectionRevision: 1, scopes: ['notes.write'] } });
    expect([registrations().map(({ scope }) => scope), refusals > 0]).toEqual([['notes.read', undefined], true]);
  });
});

describe('an authorization server on the Python SDK, which finds a client by `client_id` in the body and nowhere else (python-sdk#3545)', () => {
  test('is shown the secret in the body, as it offers: a user connects, and the token is renewed (B21)', async () => {
    notes.readsClientIdInBodyOnly = true;
    notes.metadata = { token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'] };
    await connect(alice);
    expect(await lease(alice, { rejectedConnectionRevision: 1 })).toMatchObject({
      type: 'granted',
      connectionRevision: 2,
    });
    expect(notes.requests.filter(({ path }) => path === '/token').map(({ authorization }) => authorization)).toEqual([
      undefined,
      undefined,
    ]);
    expect(registrations()).toHaveLength(1);
  });
  test('has its own words in the log, should it say no to a client that it has just taken (B21)', async () => {
    notes.readsClientIdInBodyOnly = true;
    notes.metadata = { token_endpoint_auth_methods_supported: ['client_secret_basic'] };
    await tryToConnect();
    expect(logged()).toMatchObject([{ reason: 'client_forgotten', said: 'Missing client_id' }]);
  });
});

test("a refused registration is told in the authorization server's own words, to those who can mend it", async () => {
  notes.registrationRefusal = {
    status: 400,
    json: { error: 'invalid_redirect_uri', error_description: 'Only native applications may use loopback.' },
  };
  const page = await tryToConnect();
  expect(page.html).toContain('did not take Sallyport as a client');
  expect(page.html).not.toContain('native applications');
  const words = {
    reason: 'registration_refused',
    status: 400,
    error: 'invalid_redirect_uri',
    description: 'Only native applications may use loopback.',
  };
  expect(await failure()).toMatchObject({ detail: words });
  expect(logged()).toMatchObject([words]);
  expect(registrations().map(({ application_type: type }) => type)).toEqual(['native', 'native']);
});

test('a refusal on the way back is told in its own words, to those who can mend it', async () => {
  notes.tamper = (parameters) => {
    parameters.delete('code');
    parameters.set('error', 'AADSTS90');
    parameters.set('error_description', 'Not for this tenant.');
  };
  const page = await tryToConnect();
  expect(page.html).toContain('under “unknown_error”');
  expect(page.html).not.toMatch(/AADSTS90|tenant/);
  expect(logged()).toMatchObject([{ reason: 'unknown_error', error: 'AADSTS90', description: 'Not for this tenant.' }]);
});

test('a registration endpoint that redirects is no outage: nobody is told to come again', async () => {
  notes.metadata = { registration_endpoint: `${notes.origin}/moved` };
  const page = await tryToConnect();
  expect(page.html).toContain('redirects where it must not');
  expect(page.html).not.toContain('Try again in a few minutes');
  expect(await failure()).toMatchObject({
    detail: { reason: 'outbound_redirected', remedy: expect.stringContaining('redirects') },
  });
});

describe('a server of 2025-03-26, without metadata of its own (B5)', () => {
  test('has its authorization server at its origin', async () => {
    notes.hasResourceMetadata = false;
    await connect(alice);
    expect(await database.connection.findFirstOrThrow()).toMatchObject({
      issuer: notes.origin,
      resource: notes.resource,
    });
  });
  test("or where its provider's document says; the page and the log lead there", async () => {
    notes.hasResourceMetadata = false;
    notes.metadata = { issuer: 'https://elsewhere.example' };
    expect((await tryToConnect()).html).toContain('under “issuer_mismatch”');
    expect(logged()).toMatchObject([
      {
        wanted: notes.origin,
        got: 'https://elsewhere.example',
        remedy: expect.stringContaining('`authorizationServer`'),
      },
    ]);
    declared.providerClient = `, authorizationServer: "${as.origin}"`;
    as.metadata = { token_endpoint_auth_methods_supported: ['none'] };
    await start(notes.resource);
    const browser = new Browser(alice.userId);
    await browser.submit(await browser.open(await linkFor(alice)));
    expect(
      browser.visited.some(
        (address) => address.startsWith(`${as.origin}/authorize`) && address.includes('redirect_uri'),
      ),
    ).toBe(true);
  });
});

describe('an authorization server that takes no `resource`, or does not say that it takes PKCE', () => {
  test("is asked without where its provider's document says so, also when a token is renewed (R17)", async () => {
    notes.refusesResource = true;
    expect((await tryToConnect()).html).toContain('under “invalid_target”');
    expect(logged()).toMatchObject([
      { reason: 'invalid_target', remedy: expect.stringContaining('`resource: false`') },
    ]);
    declared.providerClient = ', resource: false';
    await start(notes.resource);
    await connect(alice);
    expect(await lease(alice, { rejectedConnectionRevision: 1 })).toMatchObject({
      type: 'granted',
      connectionRevision: 2,
    });
  });
  test('is trusted with S256 where the document assumes it, and PKCE is used all the same (R17)', async () => {
    notes.metadata = { code_challenge_methods_supported: undefined };
    expect((await tryToConnect()).html).toContain('under “no_s256”');
    expect(logged()).toMatchObject([
      { reason: 'no_s256', got: 'not said', remedy: expect.stringContaining('`pkce: assumed`') },
    ]);
    declared.providerClient = ', pkce: assumed';
    await start(notes.resource);
    const browser = await connect(alice);
    expect(browser.visited.find((address) => address.startsWith(`${notes.origin}/authorize`))).toContain(
      'code_challenge_method=S256',
    );
  });
});
