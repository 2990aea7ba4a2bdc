import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { Document } from '@sallyport/configuration';
import { findSecrets } from '@sallyport/testing';
import { awsRefusal, createTestAuthority, verifyHttpSignature } from '@sallyport/testing/servers';
import type { ArrivedRequest, ServerCertificate, TestAuthority } from '@sallyport/testing/servers';
import type { LeaseOutcome } from '@sallyport/messages';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld, TestUser } from './world/gateway-world.js';
import { clientNameOf, startProvingServer } from './world/proving-server.js';
import type { ProvingServer } from './world/proving-server.js';

type Granted = Extract<LeaseOutcome, { type: 'granted' }>;
const granted = (more: Partial<Granted>): Granted => ({
  type: 'granted',
  headers: {},
  connectionId: null,
  connectionRevision: 1,
  expiresInSeconds: 600,
  ...more,
});

let authority: TestAuthority;
let strangers: TestAuthority;
let plain: ProvingServer;
let secure: ProvingServer;
let strict: ProvingServer;
let world: GatewayWorld;
let certificates: Record<'alice' | 'bob' | 'expired' | 'stranger', ServerCertificate>;
const key = (name: string) => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    signing: {
      method: 'http-message' as const,
      key: privateKey.export({ format: 'jwk' }) as Record<string, unknown>,
      keyId: name,
      algorithm: 'ed25519' as const,
      lifetimeSeconds: 60,
    },
    publicKey,
  };
};
const [ours, others] = [key('ours'), key('others')];

beforeAll(async () => {
  [authority, strangers] = await Promise.all([createTestAuthority(), createTestAuthority()]);
  const server = await authority.issue({ ip: ['127.0.0.1'] });
  const issueClients = [
    authority.issueClient('alice'),
    authority.issueClient('bob'),
    authority.issueClient('late', { from: -3, until: -1 }),
    strangers.issueClient('alice'),
  ] as const;
  const [alice, bob, expired, stranger] = await Promise.all(issueClients);
  certificates = { alice, bob, expired, stranger };
  const tls = { ...server, ca: authority.certificate, requestCert: true };
  [plain, secure, strict] = await Promise.all([
    startProvingServer(),
    startProvingServer({ ...tls, rejectUnauthorized: false }),
    startProvingServer(tls),
  ]);
  secure.prove = strict.prove = (_request, socket) => ({ user: clientNameOf(socket) ?? 'nobody' });
  const documents = [
    { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
    { kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } },
    ...Object.entries({ plain, secure, strict }).flatMap(([name, { url }]) => [
      { kind: 'McpServer', name, spec: { url, timeout: '5s' } },
      { kind: 'CredentialProvider', name, spec: { type: 'none', server: name } },
      {
        kind: 'AccessPolicy',
        name,
        spec: { hop: 'gateway-to-server', server: name, credentialProvider: name, tools: [{ match: ['*'] }] },
      },
    ]),
  ].map((document) => Document.parse(document));
  world = await startGatewayWorld(documents, { extraCertificateAuthorities: [authority.certificate] });
});
afterAll(async () => {
  await world?.close();
  await Promise.all([plain, secure, strict].map((server) => server?.close()));
});
let alice: TestUser;
let bob: TestUser;
beforeEach(() => {
  [alice, bob] = [testUser('alice'), testUser('bob')];
});
afterEach(() => {
  plain.tamper = (request) => request;
});

async function call(server: string, user: TestUser, tool = 'whoami') {
  const answer = await postByHand(
    world.url,
    await world.token(user),
    modernRequest('tools/call', { name: `${server}__${tool}`, arguments: {} }),
  );
  const { content } = (answer.json?.result ?? {}) as { content?: { text?: string }[] };
  const isError = answer.json?.result?.['isError'] === true;
  return {
    text: isError ? undefined : content?.[0]?.text,
    error: isError ? content?.[0]?.text : answer.json?.error?.message,
    whole: answer.text,
  };
}

describe('requests that are signed', () => {
  const used = new Set<string>();
  let now: () => number;
  /** As a server should verify them: key, what is covered, time, and each only once. */
  const refusalOf = (request: ArrivedRequest): string | undefined => {
    const signature = verifyHttpSignature(request, new Map([['ours', ours.publicKey]]));
    if (signature === undefined) return 'signature';
    const { created = '', expires = '', nonce = '' } = signature.parameters;
    if (
      ![
        '@method',
        '@target-uri',
        ...Object.keys(request.headers).filter((name) =>
          /^(authorization|content-type|content-digest|mcp-.*)$/.test(name),
        ),
      ].every((name) => signature.components.includes(name))
    )
      return 'coverage';
    if (Number(created) > now() / 1000 + 5 || Number(expires) < now() / 1000) return 'time';
    if (used.has(nonce)) return 'replay';
    used.add(nonce);
    return undefined;
  };
  let refusals: string[];
  beforeEach(() => {
    now = Date.now;
    refusals = [];
    plain.prove = (request) => {
      const refusal = refusalOf(request);
      if (refusal !== undefined) refusals.push(refusal);
      return refusal === undefined ? { user: 'the gateway' } : { status: 403 };
    };
    world.leasing = (_request, user) =>
      granted({ headers: { authorization: `Bearer for-${user.userId}` }, signings: [ours.signing] });
  });

  test('are accepted for what was decided on, and for nothing that was changed on the way (R73)', async () => {
    expect((await call('plain', alice)).text).toBe('the gateway');
    const changes: ((request: ArrivedRequest) => ArrivedRequest)[] = [
      (request) => ({ ...request, body: request.body.replace('"arguments":{}', '"arguments":{"text":"more"}') }),
      (request) => ({ ...request, headers: { ...request.headers, 'mcp-name': 'delete' } }),
      (request) => ({ ...request, headers: { ...request.headers, authorization: 'Bearer somebody-else' } }),
      (request) => ({ ...request, target: '/other' }),
    ];
    for (const change of changes) {
      plain.tamper = change;
      expect((await call('plain', alice)).error).toContain(
        'plain does not allow this for the account that is used there (HTTP 403)',
      );
    }
    expect(refusals).toEqual(changes.map(() => 'signature'));
  });
  test('are good once, and not after they expired (R73)', async () => {
    await call('plain', alice);
    const { method, headers, body } = plain.seen.at(-1) ?? expect.fail();
    const repeat = async () =>
      (
        await fetch(plain.url, {
          method,
          body,
          headers: Object.entries(headers).flatMap(([name, value]) =>
            typeof value === 'string' && name !== 'connection' && name !== 'content-length'
              ? [[name, value] as [string, string]]
              : [],
          ),
        })
      ).status;
    expect(await repeat()).toBe(403);
    used.clear();
    now = () => Date.now() + 66_000;
    expect(await repeat()).toBe(403);
    expect(refusals).toEqual(['replay', 'time']);
  });
  test('are refused with a key the server does not know, whatever it is called', async () => {
    world.leasing = () => granted({ signings: [{ ...others.signing, keyId: 'ours' }] });
    expect((await call('plain', alice)).error).toContain(
      'plain does not allow this for the account that is used there (HTTP 403)',
    );
    expect(refusals).toEqual(['signature']);
  });
  test('leave no private key anywhere: not in answers, logs, events or what the server got (R44) (R45)', async () => {
    const { whole } = await call('plain', alice, 'leak');
    expect(whole).toContain('signature-input');
    const { d } = ours.signing.key;
    expect(
      findSecrets(
        { answer: whole, log: world.log(), events: JSON.stringify(world.records), server: JSON.stringify(plain.seen) },
        { key: String(d) },
      ),
    ).toEqual([]);
    expect(createPublicKey({ format: 'jwk', key: ours.signing.key }).equals(ours.publicKey)).toBe(true);
  });
  test('are not sent at all when the key cannot be used', async () => {
    world.leasing = () =>
      granted({ signings: [{ ...ours.signing, key: { kty: 'OKP', crv: 'Ed25519', d: 'AA', x: 'AA' } }] });
    const before = plain.seen.length;
    expect((await call('plain', alice)).error).toContain('cannot be obtained');
    expect(plain.seen.length).toBe(before);
    expect(findSecrets({ log: world.log() }, { key: '"d":"AA"' })).toEqual([]);
  });
});

describe('requests with keys of a role session at AWS', () => {
  const sessions = new Map<
    string,
    { secretAccessKey: string; sessionToken: string; expiresAt: number; user: string }
  >();
  const keysOf = (user: TestUser, number = 1) => ({
    method: 'aws-sigv4' as const,
    accessKeyId: `ASIA${user.userId.slice(-15)}${number}`,
    secretAccessKey: `secret+key/of+${user.userId}+${number}`,
    sessionToken: `session+token/of+${user.userId}+${number}==`,
    region: 'eu-central-1',
    service: 'execute-api',
  });
  const open = (keys: ReturnType<typeof keysOf>, user: string, expiresAt = Date.now() + 900_000) => {
    sessions.set(keys.accessKeyId, { ...keys, user, expiresAt });
    return keys;
  };
  let refusals: string[];
  let aheadMs: number;
  beforeEach(() => {
    [refusals, aheadMs] = [[], 0];
    plain.prove = (request) => {
      const refusal = awsRefusal(request, sessions, {
        region: 'eu-central-1',
        service: 'execute-api',
        now: Date.now() + aheadMs,
      });
      if (refusal !== undefined) refusals.push(refusal);
      const [, accessKeyId = ''] = /Credential=(\w+)/.exec(String(request.headers['authorization'])) ?? [];
      return refusal === undefined
        ? { user: sessions.get(accessKeyId)?.user ?? '' }
        : { status: 403, headers: { 'x-amzn-errortype': `${refusal}:http://internal.amazon.com/coral/` } };
    };
    world.leasing = (_request, user) => granted({ signings: [keysOf({ ...alice, ...user })] });
    for (const user of [alice, bob]) open(keysOf(user), user.subject);
  });

  test("are each user's own, signed as they are sent (R43) (R34)", async () => {
    expect(await Promise.all([alice, bob, alice].map(async (user) => (await call('plain', user)).text))).toEqual([
      'alice',
      'bob',
      'alice',
    ]);
    expect(refusals).toEqual([]);
  });
  test('are refused when they were changed on the way, or come too late (R43)', async () => {
    await call('plain', alice);
    const changes: ((request: ArrivedRequest) => ArrivedRequest)[] = [
      (request) => ({ ...request, body: request.body.replace('"arguments":{}', '"arguments":{"text":"more"}') }),
      (request) => ({ ...request, headers: { ...request.headers, 'mcp-method': 'tools/delete' } }),
      (request) => ({ ...request, target: '/mcp?all=true' }),
      (request) => ({ ...request, headers: { ...request.headers, 'x-amz-security-token': keysOf(bob).sessionToken } }),
    ];
    for (const change of changes) {
      plain.tamper = change;
      expect((await call('plain', alice)).text).toBeUndefined();
    }
    plain.tamper = (request) => request;
    aheadMs = 301_000;
    expect((await call('plain', alice)).text).toBeUndefined();
    expect(new Set(refusals)).toEqual(new Set(['InvalidSignatureException', 'UnrecognizedClientException']));
    expect(refusals.at(-1)).toBe('InvalidSignatureException');
  });
  test('whose session has ended are replaced at once, and the call is made with the new ones', async () => {
    open(keysOf(alice), 'alice', Date.now() - 1_000);
    const renewed = open(keysOf(alice, 2), 'alice');
    world.leasing = ({ rejectedConnectionRevision }) =>
      granted(
        rejectedConnectionRevision === undefined
          ? { signings: [keysOf(alice)] }
          : { signings: [renewed], connectionRevision: 2 },
      );
    expect((await call('plain', alice)).text).toBe('alice');
    expect(refusals).toEqual(['ExpiredTokenException']);
  });
  test('reach nobody: not the secret key, and of what the server sees not the session token (R44)', async () => {
    const { whole } = await call('plain', alice, 'leak');
    const { secretAccessKey, sessionToken } = keysOf(alice);
    expect(whole).toContain('x-amz-security-token');
    expect(
      findSecrets(
        { whole, log: world.log(), events: JSON.stringify(world.records) },
        { secretAccessKey, sessionToken },
      ),
    ).toEqual([]);
    expect(findSecrets({ seen: JSON.stringify(plain.seen) }, { secretAccessKey })).toEqual([]);
  });
});

describe('a client certificate', () => {
  const certificateOf = (user: TestUser) => certificates[user.subject as keyof typeof certificates];
  const lease = (pair: ServerCertificate | undefined) =>
    granted(pair === undefined ? {} : { clientCertificate: { certificate: pair.cert, privateKey: pair.key } });
  const people = new Map<string, TestUser>();
  beforeEach(() => {
    for (const user of [alice, bob]) people.set(user.userId, user);
    world.leasing = (_request, { userId }) => lease(certificateOf(people.get(userId) ?? expect.fail()));
  });

  test('is shown to the server, and a connection made with it serves nobody else, nor a call without one (R73) (R34)', async () => {
    const carol = testUser('carol');
    people.set(carol.userId, carol); // has none
    for (const user of [alice, bob, carol, alice, carol, bob])
      expect((await call('secure', user)).text).toBe(user === carol ? 'nobody' : user.subject);
    expect(
      await Promise.all([alice, carol, bob, bob, alice].map(async (user) => (await call('secure', user)).text)),
    ).toEqual(['alice', 'nobody', 'bob', 'bob', 'alice']);
  });
  test('that was replaced is not used again', async () => {
    expect((await call('secure', alice)).text).toBe('alice');
    const renewed = await authority.issueClient('alice 2');
    world.leasing = () => lease(renewed);
    await world.change({
      puts: [Document.parse({ kind: 'Role', name: `again-${Date.now()}`, spec: { scopes: ['x'] } })],
    });
    await expect.poll(async () => (await call('secure', alice)).text).toBe('alice 2');
  });
  test('of somebody the server does not know, or an expired one, opens nothing; the right one does (R73)', async () => {
    expect((await call('strict', alice)).text).toBe('alice');
    for (const name of ['stranger', 'expired'] as const) {
      const user = testUser(name);
      people.set(user.userId, user);
      expect(await call('strict', user)).toMatchObject({
        text: undefined,
        error: 'strict is not available. Try again later.',
      });
    }
    const nobody = testUser('nobody');
    people.set(nobody.userId, nobody);
    expect((await call('strict', nobody)).text).toBeUndefined();
  });
  test('leaves no private key in an answer, a log or an event (R44) (R45)', async () => {
    const { whole } = await call('secure', alice, 'leak');
    const line = certificates.alice.key.split('\n')[1] ?? expect.fail();
    expect(findSecrets({ whole, log: world.log(), events: JSON.stringify(world.records) }, { key: line })).toEqual([]);
  });
});
