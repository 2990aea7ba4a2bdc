import { randomUUID } from 'node:crypto';
import { configuredTarget, pinsOf } from '@sallyport/connection';
import { askForExchange, type RequestedExchange } from '@sallyport/lease';
import { createSnapshot, documentMap, RevocationIndex, type Document } from '@sallyport/configuration';
import { systemClock } from '@sallyport/kernel';
import { subjects } from '@sallyport/messages';
import { eventually, findSecrets } from '@sallyport/testing';
import { decodeJwt, generateKeyPair, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

const TYPE = 'urn:ietf:params:oauth:token-type:';
let deployment: TestDeployment;
beforeAll(async () => {
  deployment = await startTestDeployment();
  deployment.provider.refreshTokens = true;
});
afterAll(() => deployment?.close());

let people = 0;
beforeEach(async () => {
  deployment.provider.account = {
    sub: `human-${++people}`,
    email: 'human@example.com',
    email_verified: true,
    name: 'Human',
    groups: ['engineering'],
  };
  deployment.provider.exchanges.length = 0;
  deployment.provider.exchange = granted('derived-token-of-the-server');
  await configure();
});
afterEach(() => {
  deployment.provider.bend = {};
  deployment.provider.answer = undefined;
});

const granted =
  (token: string, more: object = {}) =>
  () => ({
    body: {
      access_token: token,
      issued_token_type: `${TYPE}access_token`,
      token_type: 'Bearer',
      expires_in: 600,
      ...more,
    },
  });
const failing =
  (error: string, more: object = {}) =>
  () => ({ status: 400, body: { error, error_description: 'not for the trail', ...more } });
const server = (url = 'https://crm.example/mcp') =>
  ({ kind: 'McpServer', name: 'crm', spec: { title: 'CRM', url, timeout: '60s' } }) as Document;
const exchangeSpec = (changes: object = {}) => ({
  type: 'token-exchange',
  server: 'crm',
  trustProvider: 'test',
  grant: 'token-exchange',
  scopes: ['crm.read'],
  subjectToken: 'access_token',
  requestedTokenType: 'access_token',
  resource: true,
  actorToken: false,
  parameters: {},
  origin: 'https://crm.example',
  ...changes,
});
const idJagSpec = (changes: object = {}) => ({
  type: 'id-jag',
  server: 'crm',
  trustProvider: 'test',
  scopes: [],
  origin: 'https://crm.example',
  issuer: 'https://as.crm.example',
  client: { authentication: 'client_secret_basic', clientId: 'sallyport-at-crm', clientSecret: { env: 'X' } },
  ...changes,
});
const provider = (spec: object) => ({ kind: 'CredentialProvider', name: 'crm-derived', spec }) as Document;
let documents: Document[];
const snapshot = () =>
  createSnapshot({
    epoch: 'e',
    revision: 1,
    documents: documentMap(documents),
    revocations: new RevocationIndex(systemClock),
  });
async function configure({
  spec = exchangeSpec(),
  session = {},
  issuer = deployment.provider.issuer,
}: { spec?: object; session?: object; issuer?: string } = {}): Promise<void> {
  const trust = {
    displayName: 'Test provider',
    issuer,
    clientId: 'sallyport',
    clientSecret: { env: 'UNUSED' },
    scopes: ['openid'],
    claims: { subject: 'sub', email: 'email', name: 'name', groups: 'groups' },
    session: { toleratedOutage: '1h', recheckEvery: '15m', keepTokens: true, signOutAtProvider: false, ...session },
  };
  documents = [server(), provider(spec)];
  await deployment.configure([...documents, { kind: 'TrustProvider', name: 'test', spec: trust }]);
}

async function connect() {
  const agent = await TestAgent.register(deployment);
  const answer = await agent.connect();
  const { sub = '', sid, client_id: clientId } = decodeJwt(String(answer.body['access_token']));
  return {
    userId: sub,
    sid: String(sid),
    clientId: String(clientId),
    refresh: () => agent.refresh(answer.body['refresh_token']),
  };
}
type Caller = Pick<Awaited<ReturnType<typeof connect>>, 'userId' | 'sid' | 'clientId'>;

/** As the control plane asks, which has the configuration of the test. */
function ask(
  { userId, sid, clientId }: Caller,
  changes: Partial<RequestedExchange> = {},
  key = deployment.controlPlaneKey,
) {
  const target =
    configuredTarget(snapshot(), { server: 'crm', credentialProvider: 'crm-derived' }) ?? expect.fail('not configured');
  return askForExchange(
    { userId, sid, clientId, server: 'crm', credentialProvider: 'crm-derived', pins: pinsOf(target), ...changes },
    {
      signingKey: key,
      clock: Date.now,
      open: (purpose, sealed, binding) => deployment.sealer.open(purpose, sealed, binding),
      send: (wire) =>
        deployment.messaging.request(subjects.exchangeSignIn, { ...wire, asker: userId }, { timeoutMs: 10_000 }),
    },
  );
}
const signInOf = async (sid: string) =>
  (await deployment.database.agentSession.findUniqueOrThrow({ where: { sid }, include: { identitySession: true } }))
    .identitySession ?? expect.fail('no sign-in');
/** As if they had signed in, and been asked about, that long ago. */
async function age(sid: string, minutes = 5): Promise<void> {
  const then = new Date(Date.now() - minutes * 60_000);
  await deployment.database.identitySession.update({
    where: { id: (await signInOf(sid)).id },
    data: { createdAt: then, askedAt: then, confirmedAt: then },
  });
}
const ended = async (sid: string) =>
  (await deployment.database.agentSession.findUniqueOrThrow({ where: { sid } })).endedAt !== null;
const lastForm = () => Object.fromEntries(deployment.provider.exchanges.at(-1)?.form ?? []);

describe('what a human signed in with is exchanged', () => {
  test('a few at a time, so that one user whose provider takes its time waits for nobody but themselves (S34, S32)', async () => {
    const alice = await connect();
    deployment.provider.account = { ...deployment.provider.account, sub: 'somebody-else' };
    const bob = await connect();
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    let isSlow = true;
    let begun = 0;
    deployment.provider.answer = async (path) => {
      if (path !== '/token' || !isSlow) return undefined;
      begun += 1;
      await released;
      return undefined;
    };
    const asking = Array.from({ length: 20 }, () => ask(alice));
    await eventually(() => begun === 8);
    isSlow = false;
    expect(await ask(bob)).toMatchObject({ type: 'exchanged' });
    expect([begun, deployment.provider.exchanges.length]).toEqual([8, 1]);
    release();
    expect(new Set((await Promise.all(asking)).map((outcome) => outcome?.type))).toEqual(new Set(['exchanged']));
  });

  test('at the endpoint of their own provider, by the client they sign in with, for the server of the document (R51, S20)', async () => {
    const alice = await connect();
    expect(await ask(alice)).toEqual({
      type: 'exchanged',
      token: 'derived-token-of-the-server',
      expiresAt: expect.any(Number),
    });
    const { subject_token: subjectToken, ...form } = lastForm();
    expect(form).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: `${TYPE}access_token`,
      requested_token_type: `${TYPE}access_token`,
      scope: 'crm.read',
      resource: 'https://crm.example/mcp',
    });
    expect(deployment.provider.subjectOf(subjectToken ?? '')).toBe(deployment.provider.account.sub);
    expect(
      decodeURIComponent(
        Buffer.from((deployment.provider.exchanges[0]?.authorization ?? '').replace('Basic ', ''), 'base64').toString(),
      ),
    ).toBe('sallyport:test-idp-client-secret-0123456789');
  });

  test('on behalf of them as Entra ID has it, as a client of its own, with the sign-in in no other place (R51)', async () => {
    const name = 'CredentialProvider/crm-derived/clientSecret';
    await deployment.database.storedSecret.create({
      data: { name, sealed: Uint8Array.from(deployment.sealer.seal('stored-secret', 'middle-tier-secret', name)) },
    });
    await configure({
      spec: exchangeSpec({
        grant: 'on-behalf-of',
        scopes: ['api://crm/.default'],
        client: { authentication: 'client_secret_post', clientId: 'middle-tier', clientSecret: { env: 'X' } },
      }),
    });
    deployment.provider.exchange = granted('obo-access-token', { issued_token_type: undefined });
    expect(await ask(await connect())).toMatchObject({ type: 'exchanged', token: 'obo-access-token' });
    const { assertion, ...form } = lastForm();
    expect(form).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      requested_token_use: 'on_behalf_of',
      scope: 'api://crm/.default',
      client_id: 'middle-tier',
      client_secret: 'middle-tier-secret',
    });
    expect(deployment.provider.subjectOf(assertion ?? '')).toBe(deployment.provider.account.sub);
  });

  test('for an identity assertion, which must be for our client at the issuer that was asked for (R51, S20)', async () => {
    await configure({ spec: idJagSpec() });
    const { privateKey } = await generateKeyPair('ES256');
    const assertion = (changes: object = {}, typ = 'oauth-id-jag+jwt') =>
      new SignJWT({
        aud: 'https://as.crm.example',
        client_id: 'sallyport-at-crm',
        resource: 'https://crm.example/mcp',
        ...changes,
      })
        .setProtectedHeader({ alg: 'ES256', typ })
        .setSubject('x')
        .setExpirationTime('5m')
        .sign(privateKey);
    const answers = { issued_token_type: `${TYPE}id-jag`, token_type: 'N_A' };
    const alice = await connect();
    const good = await assertion();
    deployment.provider.exchange = granted(good, answers);
    expect(await ask(alice, { resource: 'https://crm.example/mcp' })).toMatchObject({ type: 'exchanged', token: good });
    const { subject_token: idToken = '', ...form } = lastForm();
    expect(form).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: `${TYPE}id_token`,
      requested_token_type: `${TYPE}id-jag`,
      audience: 'https://as.crm.example',
      resource: 'https://crm.example/mcp',
    });
    expect(decodeJwt(idToken)).toMatchObject({ sub: deployment.provider.account.sub, aud: 'sallyport' });
    for (const bad of [
      await assertion({ aud: 'https://as.other.example' }),
      await assertion({ aud: ['https://as.crm.example', 'https://as.other.example'] }),
      await assertion({ client_id: 'somebody-else' }),
      await assertion({ resource: 'https://other.example' }),
      await assertion({}, 'JWT'),
      'no-jwt-at-all',
    ]) {
      deployment.provider.exchange = granted(bad, answers);
      expect(await ask(alice, { resource: 'https://crm.example/mcp' })).toMatchObject({
        type: 'refused',
        reason: 'assertion_invalid',
      });
    }
    deployment.provider.exchange = granted(good, { ...answers, issued_token_type: `${TYPE}access_token` });
    expect(await ask(alice, { resource: 'https://crm.example/mcp' })).toMatchObject({
      type: 'unavailable',
      error: 'issued_token_type',
    });
  });

  test('with the agent named, where the document wants that (R51)', async () => {
    await configure({ spec: exchangeSpec({ actorToken: true, audience: 'crm-api' }) });
    await ask(await connect(), { actorToken: 'signed-by-us' });
    expect(lastForm()).toMatchObject({
      actor_token: 'signed-by-us',
      actor_token_type: `${TYPE}jwt`,
      audience: 'crm-api',
    });
  });

  test('after it was refreshed, once for all who ask, when it had expired (R51, R84)', async () => {
    deployment.provider.bend = { lifetimeSeconds: 20 };
    const alice = await connect();
    await age(alice.sid);
    deployment.provider.bend = {};
    const before = deployment.provider.refreshed.length;
    const outcomes = await Promise.all([ask(alice), ask(alice), ask(alice)]);
    expect(outcomes.map((outcome) => outcome?.type)).toEqual(['exchanged', 'exchanged', 'exchanged']);
    expect(deployment.provider.refreshed.length - before).toBe(1);
    expect(new Set(deployment.provider.exchanges.map(({ form }) => form.get('subject_token'))).size).toBe(1);
  });

  test('with the next token of the same sign-in when the provider takes this one no more (R51)', async () => {
    const alice = await connect();
    await age(alice.sid);
    const first: string[] = [];
    deployment.provider.exchange = (form) => {
      const subjectToken = form.get('subject_token') ?? '';
      if (first.length > 0 && !first.includes(subjectToken)) return granted('second-derived-token')();
      first.push(subjectToken);
      return failing('invalid_grant')();
    };
    expect(await ask(alice)).toMatchObject({ type: 'exchanged', token: 'second-derived-token' });
    expect(await ended(alice.sid)).toBe(false);
  });
});

describe('nothing is exchanged', () => {
  const nothingSent = () => expect(deployment.provider.exchanges).toEqual([]);

  test.each([
    ["another user's session", (alice: Caller, bob: Caller) => ({ ...alice, sid: bob.sid })],
    ['another user for the session', (alice: Caller, bob: Caller) => ({ ...alice, userId: bob.userId })],
    ["another agent's session", (alice: Caller) => ({ ...alice, clientId: 'somebody-else' })],
    ['a session there never was', (alice: Caller) => ({ ...alice, sid: `ses_${randomUUID()}` })],
  ])('for %s (R34, R51)', async (_name, change) => {
    const [alice, bob] = [await connect(), await connectAsOther()];
    expect(await ask(change(alice, bob))).toEqual({ type: 'refused', reason: 'session' });
    nothingSent();
  });
  const connectAsOther = () => {
    deployment.provider.account = { ...deployment.provider.account, sub: `human-${++people}` };
    return connect();
  };

  test('for a sign-in that is not of the user the session names (R34)', async () => {
    const [alice, bob] = [await connect(), await connectAsOther()];
    await deployment.database.agentSession.update({
      where: { sid: alice.sid },
      data: { identitySessionId: (await signInOf(bob.sid)).id },
    });
    for (const caller of [alice, { ...alice, userId: bob.userId }])
      expect(await ask(caller)).toEqual({ type: 'refused', reason: 'session' });
    nothingSent();
  });

  test('for a sign-in that ended, though the session has not heard of it (S28)', async () => {
    const alice = await connect();
    await deployment.database.identitySession.update({
      where: { id: (await signInOf(alice.sid)).id },
      data: { endedAt: new Date() },
    });
    expect(await ask(alice)).toEqual({ type: 'refused', reason: 'session' });
    nothingSent();
  });

  test('for a session that ended or was revoked (S28)', async () => {
    const [alice, bob] = [await connect(), await connectAsOther()];
    await deployment.database.agentSession.update({ where: { sid: alice.sid }, data: { endedAt: new Date() } });
    await deployment.revoke({ type: 'session', sid: bob.sid });
    expect([await ask(alice), await ask(bob)]).toEqual([
      { type: 'refused', reason: 'session' },
      { type: 'refused', reason: 'session' },
    ]);
    nothingSent();
  });

  test('where the document means another provider, or the provider is at another issuer now (S25)', async () => {
    const alice = await connect();
    await configure({ issuer: 'http://127.0.0.1:1' });
    expect(await ask(alice)).toEqual({ type: 'refused', reason: 'trust_provider' });
    await configure({ spec: exchangeSpec({ trustProvider: 'other' }) });
    expect(await ask(alice)).toEqual({ type: 'refused', reason: 'trust_provider' });
    nothingSent();
  });

  test('where the document of the provider does not say to keep tokens, or says so no more', async () => {
    const before = await connect();
    await configure({ session: { keepTokens: false } });
    for (const caller of [before, await connect()])
      expect(await ask(caller)).toEqual({ type: 'refused', reason: 'tokens_not_kept' });
    nothingSent();
  });

  test("when the server or the document is another one than the control plane's (S20)", async () => {
    const alice = await connect();
    const pins = { serverUrl: 'https://crm.example/mcp', serverResource: null, providerDigest: 'x' };
    expect(await ask(alice, { pins })).toMatchObject({ type: 'unavailable', error: 'configuration' });
    await deployment.configure([server('https://moved.example/mcp')]);
    expect(await ask(alice)).toMatchObject({ type: 'unavailable', error: 'configuration' });
    expect(await ask(alice, { credentialProvider: 'notes-per-user' })).toMatchObject({
      type: 'unavailable',
      error: 'configuration',
    });
    nothingSent();
  });

  test.each([
    ['that the outbound guard refuses', 'http://10.0.0.1/token', 'address_refused'],
    ['that is none', 'https://127.0.0.1:1/token', 'address_refused'],
  ])('at an endpoint %s, and the session goes on (S20)', async (_name, tokenEndpoint, error) => {
    await configure({ spec: exchangeSpec({ tokenEndpoint }) });
    const alice = await connect();
    await age(alice.sid);
    expect(await ask(alice)).toMatchObject({ type: 'unavailable', error });
    expect(await ended(alice.sid)).toBe(false);
    nothingSent();
  });

  test('for anybody but the control plane, nor twice for one request (S21, S26)', async () => {
    const alice = await connect();
    const { privateKey } = await generateKeyPair('EdDSA');
    expect(await ask(alice, {}, privateKey)).toBeUndefined();
    const send = (payload: object) =>
      deployment.messaging.request(subjects.exchangeSignIn, payload, { timeoutMs: 10_000 });
    for (const payload of [{}, { request: 'x' }, { request: 'x'.repeat(20_000) }])
      expect(await send(payload)).toEqual({});
    nothingSent();
    let wire: object = {};
    const about = {
      signingKey: deployment.controlPlaneKey,
      clock: Date.now,
      open: () => expect.fail('nothing to open'),
    };
    const target =
      configuredTarget(snapshot(), { server: 'crm', credentialProvider: 'crm-derived' }) ??
      expect.fail('not configured');
    await askForExchange(
      { ...pick(alice), server: 'crm', credentialProvider: 'crm-derived', pins: pinsOf(target) },
      {
        ...about,
        send: (sent) => {
          wire = sent;
          return Promise.resolve({});
        },
      },
    );
    expect(await send(wire)).toEqual({ answer: expect.any(String) });
    expect(await send(wire)).toEqual({});
    expect(deployment.provider.exchanges).toHaveLength(1);
  });
  const pick = ({ userId, sid, clientId }: Caller) => ({ userId, sid, clientId });
});

describe('a sign-in that serves no more', () => {
  test('and cannot be refreshed ends the session, so that its agent comes back with a new one (R51, R86)', async () => {
    await configure({ session: { recheckEvery: undefined } });
    deployment.provider.bend = { lifetimeSeconds: 20 };
    const alice = await connect();
    await age(alice.sid);
    expect(await ask(alice)).toEqual({ type: 'sign_in_required' });
    expect(deployment.provider.exchanges).toEqual([]);
    expect(await ended(alice.sid)).toBe(true);
    expect(await alice.refresh()).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect((await signInOf(alice.sid)).browserEndedAt).not.toBeNull();
    await eventually(() => deployment.events.some(({ type, sid }) => type === 'token.revoked' && sid === alice.sid));
  });

  test.each([
    ['interaction_required', 'basic_action'],
    ['invalid_grant', 'bad_token'],
    ['login_required', undefined],
  ])('by the word of the provider (%s) leads to a new one too (R51)', async (error, suberror) => {
    await configure({ session: { recheckEvery: undefined } });
    deployment.provider.exchange = failing(error, suberror === undefined ? {} : { suberror });
    const alice = await connect();
    await age(alice.sid);
    expect(await ask(alice)).toEqual({ type: 'sign_in_required' });
    expect(await ended(alice.sid)).toBe(true);
  });

  test('a moment after it was made is not asked for again: that would never end', async () => {
    deployment.provider.exchange = failing('interaction_required');
    const alice = await connect();
    expect(await ask(alice)).toEqual({ type: 'refused', reason: 'user_refused', error: 'interaction_required' });
    expect(await ended(alice.sid)).toBe(false);
  });

  test('is not taken for one while the provider cannot be asked (B4)', async () => {
    deployment.provider.bend = { lifetimeSeconds: 20 };
    const alice = await connect();
    await age(alice.sid);
    deployment.provider.answer = (path) => (path === '/token' ? { status: 503 } : undefined);
    expect(await ask(alice)).toMatchObject({ type: 'unavailable', error: 'identity_provider_away', fault: false });
    expect(await ended(alice.sid)).toBe(false);
  });
});

describe('a refusal', () => {
  test.each([
    ['consent that is missing', failing('consent_required'), { type: 'refused', reason: 'consent_required' }],
    [
      'consent that is missing, as Entra ID says it',
      failing('invalid_grant', { suberror: 'consent_required', error_codes: [65001] }),
      { type: 'refused', reason: 'consent_required' },
    ],
    ['access the user has not', failing('access_denied'), { type: 'refused', reason: 'user_refused' }],
    ['our client', failing('invalid_client'), { type: 'unavailable', fault: true, error: 'invalid_client' }],
    ['the document', failing('invalid_target'), { type: 'unavailable', fault: false, error: 'invalid_target' }],
    ['nothing but its own trouble', () => ({ status: 503, body: {} }), { type: 'unavailable', fault: false }],
    [
      'nothing, with a token of another type',
      granted('derived-token', { issued_token_type: `${TYPE}refresh_token` }),
      { type: 'unavailable', error: 'issued_token_type' },
    ],
    [
      'nothing, with a token that is no bearer token',
      granted('derived-token', { token_type: 'N_A' }),
      { type: 'unavailable' },
    ],
  ])('is told apart by whom it is about: %s (B4, R51)', async (_name, exchange, outcome) => {
    deployment.provider.exchange = exchange;
    const alice = await connect();
    await age(alice.sid);
    expect(await ask(alice)).toMatchObject(outcome);
    expect(await ended(alice.sid)).toBe(false);
  });
});

test('no token of the provider and none that was derived is in a log, an event or the database in clear (S30, S22)', async () => {
  const alice = await connect();
  await ask(alice);
  const secrets = {
    subject: deployment.provider.exchanges[0]?.form.get('subject_token') ?? expect.fail('nothing was sent'),
    derived: 'derived-token-of-the-server',
  };
  const rows = await deployment.database
    .$queryRaw`SELECT encode("sealedTokens", 'escape') AS sealed, i::text AS row FROM "IdentitySession" i`;
  expect(
    findSecrets(
      { log: deployment.logLines.join('\n'), events: JSON.stringify(deployment.events), rows: JSON.stringify(rows) },
      secrets,
    ),
  ).toEqual([]);
});
