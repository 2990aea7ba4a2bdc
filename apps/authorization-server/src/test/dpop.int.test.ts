import type { Document } from '@sallyport/configuration';
import type { RunningService } from '@sallyport/process';
import { eventually, makeDpopKey, type DpopKey } from '@sallyport/testing';
import { decodeJwt, exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent, type TokenAnswer } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
let replica: RunningService;
let key: DpopKey;
let other: DpopKey;
let clientKey: CryptoKey;
const secret = 'a-secret-an-administrator-chose-0123456789';
const ON_ITS_SITE = 'https://agent.example/callback';
const declare = (name: string, spec: object) =>
  ({
    kind: 'Agent',
    name,
    spec: { displayName: name, redirectUris: [ON_ITS_SITE], authentication: { method: 'none' }, ...spec },
  }) as Document;
const policy = (agents?: object): Document => ({
  kind: 'AccessPolicy',
  name: 'employees',
  spec: { hop: 'client-to-gateway', trustProviders: ['test'], ...(agents ? { agents } : {}) },
});
beforeAll(async () => {
  deployment = await startTestDeployment();
  replica = await deployment.startReplica();
  [key, other] = await Promise.all([makeDpopKey(), makeDpopKey('EdDSA')]);
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  clientKey = privateKey;
  const authentication = { method: 'client_secret', clientSecret: { env: 'UNUSED' } };
  for (const agent of ['with-secret', 'nightly']) {
    const name = `Agent/${agent}/clientSecret`;
    await deployment.database.storedSecret.create({
      data: { name, sealed: Uint8Array.from(deployment.sealer.seal('stored-secret', secret, name)) },
    });
  }
  await deployment.configure([
    declare('site', {}),
    declare('with-secret', { authentication }),
    declare('with-key', { authentication: { method: 'private_key_jwt', keys: [await exportJWK(publicKey)] } }),
    declare('nightly', { redirectUris: [], machine: { roles: ['developer'] }, authentication }),
    {
      kind: 'AccessPolicy',
      name: 'machines',
      spec: { hop: 'client-to-gateway', agents: { clientIds: ['nightly'], machines: 'only' } },
    },
  ]);
  await eventually(() => replica.readiness().status === 'ready', { until: 'the other replica is ready' });
});
afterAll(async () => {
  await replica.close();
  await deployment.close();
});

function holding(agent: TestAgent, dpop: DpopKey | 'no key'): TestAgent {
  agent.dpop = dpop === 'no key' ? undefined : dpop;
  return agent;
}
const site = (clientId = 'site', dpop: DpopKey | 'no key' = key) =>
  holding(new TestAgent(deployment, clientId, ON_ITS_SITE), dpop);
const registered = async (dpop: DpopKey | 'no key' = key) => holding(await TestAgent.register(deployment), dpop);
const assertion = async () => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await new SignJWT({ jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer('with-key')
    .setSubject('with-key')
    .setAudience(deployment.issuer)
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(clientKey),
});
const claimsOf = ({ body }: TokenAnswer) => decodeJwt(String(body['access_token']));
const url = () => `${deployment.issuer}/token`;
/** Sends exactly this proof, or these headers. */
async function send(
  parameters: Record<string, string>,
  proof: string | undefined,
  to = deployment.issuer,
): Promise<TokenAnswer> {
  const response = await fetch(`${to}/token`, {
    method: 'POST',
    body: new URLSearchParams(parameters),
    headers: proof === undefined ? {} : { dpop: proof },
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}
const refreshing = (agent: TestAgent, { body }: TokenAnswer) => ({
  grant_type: 'refresh_token',
  client_id: agent.clientId,
  refresh_token: String(body['refresh_token']),
});

describe('a token asked for with a proof of a key', () => {
  test('is bound to that key, through every refresh (S7, B7)', async () => {
    const agent = await registered();
    const first = await agent.connect();
    expect([first.body['token_type'], claimsOf(first)['cnf']]).toEqual(['DPoP', { jkt: key.thumbprint }]);
    const second = await agent.refresh(first.body['refresh_token']);
    expect([second.body['token_type'], claimsOf(second)['cnf'], claimsOf(second)['sid']]).toEqual([
      'DPoP',
      { jkt: key.thumbprint },
      claimsOf(first)['sid'],
    ]);
  });
  test('of an agent that cannot authenticate is refreshed with that key only (RFC 9449 section 5)', async () => {
    const agent = await registered();
    const first = await agent.connect();
    for (const dpop of [undefined, other]) {
      agent.dpop = dpop;
      expect((await agent.refresh(first.body['refresh_token'])).body['error']).toBe('invalid_grant');
    }
    agent.dpop = key;
    expect((await agent.refresh(first.body['refresh_token'])).status).toBe(200);
  });
  test('asked for without one is a bearer token as before (S7)', async () => {
    const answer = await (await registered('no key')).connect();
    expect([answer.body['token_type'], claimsOf(answer)['cnf']]).toEqual(['Bearer', undefined]);
  });
  test('of an agent without a human is bound likewise (R5, S7)', async () => {
    const agent = site('nightly');
    const ask = () =>
      agent.token({ grant_type: 'client_credentials', resource: deployment.resource, client_secret: secret });
    const bound = await ask();
    expect([bound.body['token_type'], claimsOf(bound)['cnf'], claimsOf(bound)['agent_assurance']]).toEqual([
      'DPoP',
      { jkt: key.thumbprint },
      'asserted',
    ]);
    agent.dpop = undefined;
    expect(claimsOf(await ask())['cnf']).toBeUndefined();
  });
  test('is told by introspection with its key (RFC 9449 section 6.2)', async () => {
    const agent = site('with-secret');
    const tokens = await agent.redeem((await agent.authorize()).get('code'), { client_secret: secret });
    const ask = async (token: unknown) =>
      (
        await fetch(`${deployment.issuer}/introspect`, {
          method: 'POST',
          body: new URLSearchParams({ token: String(token) }),
          headers: { authorization: `Basic ${Buffer.from(`with-secret:${secret}`).toString('base64')}` },
        })
      ).json();
    expect(await ask(tokens.body['access_token'])).toMatchObject({
      active: true,
      token_type: 'DPoP',
      cnf: { jkt: key.thumbprint },
    });
  });
  test('needs an algorithm the metadata names (B7)', async () => {
    const metadata = (await (
      await fetch(`${deployment.issuer}/.well-known/oauth-authorization-server`)
    ).json()) as Record<string, unknown>;
    expect(metadata['dpop_signing_alg_values_supported']).toEqual(['ES256', 'EdDSA', 'Ed25519', 'PS256']);
    const agent = await registered(await makeDpopKey('RS256'));
    expect((await agent.redeem((await agent.authorize()).get('code'))).body['error']).toBe('invalid_dpop_proof');
  });
});

describe('a proof', () => {
  const broken: [name: string, error: string, prove: () => Promise<string>][] = [
    ['for another method', 'invalid_dpop_proof', () => key.prove({ method: 'GET', url: url() })],
    ['for another URL', 'invalid_dpop_proof', () => key.prove({ method: 'POST', url: `${deployment.issuer}/par` })],
    [
      'for the same path at another host',
      'invalid_dpop_proof',
      () => key.prove({ method: 'POST', url: 'https://evil.example/token' }),
    ],
    [
      'too old',
      'use_dpop_nonce',
      () => key.prove({ method: 'POST', url: url(), claims: { iat: Math.floor(Date.now() / 1000) - 301 } }),
    ],
    [
      'from the future',
      'use_dpop_nonce',
      () => key.prove({ method: 'POST', url: url(), claims: { iat: Math.floor(Date.now() / 1000) + 310 } }),
    ],
    [
      'with a nonce of somebody else',
      'use_dpop_nonce',
      () => key.prove({ method: 'POST', url: url(), claims: { nonce: 'x'.repeat(43) } }),
    ],
    ['that is none', 'invalid_dpop_proof', () => Promise.resolve('a.b.c')],
    [
      'that came twice',
      'invalid_dpop_proof',
      async () =>
        `${await key.prove({ method: 'POST', url: url() })}, ${await key.prove({ method: 'POST', url: url() })}`,
    ],
  ];
  test.each(broken)('%s is refused: %s, and the refresh token is not used up (S7)', async (_name, error, prove) => {
    const agent = await registered();
    const tokens = await agent.connect();
    expect((await send(refreshing(agent, tokens), await prove())).body['error']).toBe(error);
    expect((await agent.refresh(tokens.body['refresh_token'])).status).toBe(200);
  });

  test('is good once, on whatever replica, and a client is told that it was the proof (S8)', async () => {
    const agent = await registered();
    const tokens = await agent.connect();
    const proof = await key.prove({ method: 'POST', url: url() });
    const again = await key.prove({ method: 'POST', url: url() });
    const first = await send(refreshing(agent, tokens), proof);
    expect(first.status).toBe(200);
    expect((await send(refreshing(agent, first), proof)).body['error']).toBe('invalid_dpop_proof');
    // Of many at once one passes.
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(refreshing(agent, first), again)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body['error'] === 'invalid_dpop_proof')).toHaveLength(7);
  });

  test('of a clock far off is good with the nonce that is offered, also one another replica offered (RFC 9449 section 8)', async () => {
    const agent = await registered();
    const tokens = await agent.connect();
    const slow = (nonce?: string) =>
      key.prove({
        method: 'POST',
        url: url(),
        claims: { iat: Math.floor(Date.now() / 1000) - 86_400, ...(nonce ? { nonce } : {}) },
      });
    const challenge = await send(refreshing(agent, tokens), await slow(), replica.urls['issuer']);
    expect(challenge.body['error']).toBe('use_dpop_nonce');
    const proof = await slow(challenge.headers.get('dpop-nonce') ?? '');
    expect((await send(refreshing(agent, tokens), proof)).status).toBe(200);
    expect((await send(refreshing(agent, tokens), proof)).body['error']).toBe('invalid_dpop_proof');
  });

  test('is used up once per request: of a refresh that many send at once each gets the one successor (S9)', async () => {
    const agent = await registered();
    const tokens = await agent.connect();
    const answers = await Promise.all(Array.from({ length: 12 }, () => agent.refresh(tokens.body['refresh_token'])));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
    expect(new Set(answers.map(({ body }) => body['refresh_token'])).size).toBe(1);
    for (const answer of answers) expect(claimsOf(answer)['cnf']).toEqual({ jkt: key.thumbprint });
  });
  test('is asked for within the grace of a lost answer too: who lacks the key learns no successor (S9)', async () => {
    const agent = await registered();
    const tokens = await agent.connect();
    const successor = await agent.refresh(tokens.body['refresh_token']);
    for (const dpop of [undefined, other]) {
      agent.dpop = dpop;
      expect((await agent.refresh(tokens.body['refresh_token'])).body['error']).toBe('invalid_grant');
    }
    agent.dpop = key;
    expect((await agent.refresh(tokens.body['refresh_token'])).body['refresh_token']).toBe(
      successor.body['refresh_token'],
    );
  });
});

describe('a code whose request names a key', () => {
  test.each(['no key', 'another key'] as const)('is not redeemed with %s (RFC 9449 section 10)', async (which) => {
    const agent = await registered();
    const code = (await agent.authorize({ dpop_jkt: key.thumbprint })).get('code');
    agent.dpop = which === 'no key' ? undefined : other;
    expect((await agent.redeem(code)).body['error']).toBe('invalid_grant');
  });
  test('is redeemed with that one (RFC 9449 section 10)', async () => {
    const agent = await registered();
    expect(
      claimsOf(await agent.redeem((await agent.authorize({ dpop_jkt: key.thumbprint })).get('code')))['cnf'],
    ).toEqual({ jkt: key.thumbprint });
  });

  const push = async (agent: TestAgent, changes: Record<string, string>, dpop?: DpopKey) => {
    const form = agent.authorizationUrl(changes).searchParams;
    const par = `${deployment.issuer}/par`;
    const response = await fetch(par, {
      method: 'POST',
      body: form,
      headers: dpop ? { dpop: await dpop.prove({ method: 'POST', url: par }) } : {},
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  test.each([
    ['by name', { named: true, proved: false }],
    ['by a proof', { named: false, proved: true }],
    ['by both', { named: true, proved: true }],
  ])('may be pushed, %s (RFC 9449 section 10.1)', async (_how, { named, proved }) => {
    const agent = await registered();
    const { status, body } = await push(agent, named ? { dpop_jkt: key.thumbprint } : {}, proved ? key : undefined);
    expect(status).toBe(201);
    let page = await agent.browser.open(
      new URL(
        `${deployment.issuer}/authorize?${new URLSearchParams({ client_id: agent.clientId, request_uri: String(body['request_uri']) })}`,
      ),
      agent.redirectUri,
    );
    for (let step = 0; step < 4 && page.status !== 0; step++) page = await agent.press(page, /^Continue with|^Allow$/);
    const code = page.url.searchParams.get('code');
    agent.dpop = other;
    expect((await agent.redeem(code)).body['error']).toBe('invalid_grant');
  });
  test('is not pushed with the proof of another (RFC 9449 section 10.1)', async () => {
    expect(await push(await registered(), { dpop_jkt: key.thumbprint }, other)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    });
  });
});

describe('assurance', () => {
  const assuranceOf = (answer: TokenAnswer) => claimsOf(answer)['agent_assurance'];
  test('is raised by a key where the agent is known: its answers go to its own site (S2)', async () => {
    expect(assuranceOf(await site().connect())).toBe('key-authenticated');
    expect(assuranceOf(await site('site', 'no key').connect())).toBe('verified-redirect');
  });
  test('is not raised by a key anybody could have made: on loopback and after registration (S2)', async () => {
    const answer = await (await registered()).connect({ dpop_jkt: key.thumbprint });
    expect([assuranceOf(answer), claimsOf(answer)['cnf']]).toEqual(['asserted', { jkt: key.thumbprint }]);
  });
  test('that a policy requires is never that of a token without its key: not at the consent, the code or a refresh (S2, S7)', async () => {
    await deployment.configure([policy({ assurance: 'key-authenticated' })]);
    const agent = site();
    let page = await agent.open();
    page = await agent.press(page, /^Continue with/);
    expect([page.status, page.html.includes('Allow</button>')]).toEqual([403, false]);

    const named = { dpop_jkt: key.thumbprint };
    const code = (await agent.authorize(named)).get('code');
    agent.dpop = undefined;
    expect((await agent.redeem(code)).body['error']).toBe('invalid_grant');
    agent.dpop = key;
    const tokens = await agent.connect(named);
    expect([assuranceOf(tokens), claimsOf(tokens)['cnf']]).toEqual(['key-authenticated', { jkt: key.thumbprint }]);
    agent.dpop = undefined;
    expect((await agent.refresh(tokens.body['refresh_token'])).body['error']).toBe('invalid_grant');

    // Refresh tokens of an agent that authenticates are not bound, so it is policy alone that tells.
    const confidential = site('with-secret');
    const first = await confidential.redeem((await confidential.authorize(named)).get('code'), {
      client_secret: secret,
    });
    expect(assuranceOf(first)).toBe('key-authenticated');
    confidential.dpop = undefined;
    expect((await confidential.refresh(first.body['refresh_token'], { client_secret: secret })).body['error']).toBe(
      'invalid_grant',
    );
    await deployment.configure([policy()]);
    const lesser = await confidential.refresh(first.body['refresh_token'], { client_secret: secret });
    expect([assuranceOf(lesser), claimsOf(lesser)['cnf']]).toEqual(['verified-redirect', undefined]);
  });
  test('of an agent with a registered key is no binding: a policy can ask for that apart (S2, S7)', async () => {
    const agent = site('with-key', 'no key');
    const bearer = await agent.redeem((await agent.authorize()).get('code'), await assertion());
    expect([assuranceOf(bearer), claimsOf(bearer)['cnf']]).toEqual(['key-authenticated', undefined]);
    await deployment.configure([policy({ dpopBoundTokens: true })]);
    expect((await agent.refresh(bearer.body['refresh_token'], await assertion())).body['error']).toBe('invalid_grant');
    agent.dpop = key;
    expect((await agent.refresh(bearer.body['refresh_token'], await assertion())).status).toBe(200);
    const loopback = await registered();
    expect((await loopback.connect({ dpop_jkt: key.thumbprint })).status).toBe(200);
    await deployment.configure([policy()]);
  });
});

describe('what is good once, shown twice at once', () => {
  /**
   * Both have been read before either is written down: the first one's row is there and not committed while the second
   * one is asked about.
   * @returns the answer to the second
   */
  async function second(ask: () => Promise<TokenAnswer>): Promise<TokenAnswer> {
    const before = new Set(
      (await deployment.database.oidcArtifact.findMany({ where: { kind: 'ReplayDetection' } })).map(
        ({ idDigest }) => idDigest,
      ),
    );
    await ask();
    const row = (await deployment.database.oidcArtifact.findMany({ where: { kind: 'ReplayDetection' } })).find(
      ({ idDigest }) => !before.has(idDigest),
    );
    if (!row) throw new Error('nothing was remembered');
    const { kind, idDigest } = row;
    await deployment.database.oidcArtifact.delete({ where: { kind_idDigest: { kind, idDigest } } });
    return await deployment.database
      .$transaction(
        async (first) => {
          await first.oidcArtifact.create({ data: { ...row, payload: Uint8Array.from(row.payload) } });
          const answer = ask();
          await eventually(
            async () =>
              Number(
                (
                  await deployment.database.$queryRaw<
                    { waiting: bigint }[]
                  >`SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted`
                )[0]?.waiting,
              ) > 0,
            { until: 'the second one waits for the first' },
          );
          return { answer };
        },
        { timeout: 20_000 },
      )
      .then(({ answer }) => answer);
  }

  test('a proof (S7, S8)', async () => {
    const proof = await key.prove({ method: 'POST', url: url() });
    const agent = await registered();
    const tokens = await agent.connect();
    let current = tokens;
    const answer = await second(async () => (current = await send(refreshing(agent, current), proof)));
    expect(answer.body['error']).toBe('invalid_dpop_proof');
  });
  test('a client assertion (S2, S8)', async () => {
    const agent = site('with-key', 'no key');
    let current = await agent.redeem((await agent.authorize()).get('code'), await assertion());
    const shown = await assertion();
    const answer = await second(async () => (current = await agent.refresh(current.body['refresh_token'], shown)));
    expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_client']);
  });
});
