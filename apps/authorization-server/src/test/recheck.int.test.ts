import { decodeJwt } from 'jose';
import { createSnapshot, Document, documentMap, RevocationIndex } from '@sallyport/configuration';
import type { RunningService } from '@sallyport/process';
import { SallyportError, Secret, systemClock } from '@sallyport/kernel';
import { createSafeFetch } from '@sallyport/safe-fetch';
import { createLogger } from '@sallyport/telemetry';
import { createFakeClock, eventually } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { IdentityRechecks, type IdentityRechecksParts } from '../federation/identity-rechecks.js';
import { TrustProviders } from '../federation/trust-providers.js';
import { removeExpired } from '../lifecycle/remove-expired.js';
import { IdentitySessions } from '../storage/identity-sessions.js';
import { Users } from '../storage/users.js';
import { TestAgent, type TokenAnswer } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
let replica: RunningService;
beforeAll(async () => {
  deployment = await startTestDeployment();
  replica = await deployment.startReplica();
  await eventually(() => replica.readiness().status === 'ready', { until: 'the other replica is ready' });
  deployment.provider.refreshTokens = true;
  deployment.provider.bend = { userInfo: true }; // its metadata is read once
});
afterAll(async () => {
  await replica.close();
  await deployment.close();
});

let people = 0;
beforeEach(async () => {
  // Somebody new each time: what ends for one must not show in the next test.
  deployment.provider.account = {
    sub: `human-${++people}`,
    email: 'human@example.com',
    email_verified: true,
    name: 'Human',
    groups: ['engineering'],
  };
  deployment.provider.refreshed.length = 0;
  await recheck({ recheckEvery: '15m', toleratedOutage: '1h' });
});
afterEach(() => {
  deployment.provider.answer = undefined;
  deployment.provider.losing = 0;
  deployment.provider.repeats = false;
  deployment.provider.bend = { userInfo: true };
});

const recheck = (session: Record<string, unknown> | undefined, changes: Record<string, unknown> = {}) =>
  deployment.configure([
    {
      kind: 'TrustProvider',
      name: 'test',
      spec: {
        displayName: 'Test provider',
        issuer: deployment.provider.issuer,
        clientId: 'sallyport',
        clientSecret: { env: 'UNUSED' },
        scopes: ['openid', 'profile', 'email'],
        claims: { subject: 'sub', email: 'email', name: 'name', groups: 'groups' },
        ...(session
          ? { session: { toleratedOutage: '1h', keepTokens: false, signOutAtProvider: false, ...session } }
          : {}),
        ...changes,
      },
    } as never,
  ]);
const claimsOf = ({ body }: TokenAnswer) =>
  decodeJwt<{ sid: string; sub: string; roles: string[]; groups: string[] }>(String(body['access_token']));
const sidOf = (answer: TokenAnswer) => claimsOf(answer).sid;
const connect = async () => {
  const agent = await TestAgent.register(deployment);
  const answer = await agent.connect({ scope: 'notes.read notes.write' });
  expect(answer.status).toBe(200);
  return {
    agent,
    answer,
    sid: sidOf(answer),
    userId: claimsOf(answer).sub,
    refresh: () => agent.refresh(answer.body['refresh_token']),
  };
};
const signIn = async (sid: string) =>
  (await deployment.database.agentSession.findUniqueOrThrow({ where: { sid }, include: { identitySession: true } }))
    .identitySession ?? expect.fail('no sign-in');
/** As if the last question was asked, and answered, that long ago. */
const age = async (sid: string, minutes: { asked?: number; confirmed?: number }) => {
  const ago = (count: number) => new Date(Date.now() - count * 60_000);
  const { asked = 5, confirmed = asked } = minutes;
  await deployment.database.identitySession.update({
    where: { id: (await signIn(sid)).id },
    data: { askedAt: ago(asked), confirmedAt: ago(confirmed) },
  });
};
const ended = async (sid: string) =>
  (await deployment.database.agentSession.findUniqueOrThrow({ where: { sid } })).endedAt !== null;
const reasons = (sid: string) =>
  deployment.events.flatMap((event) => (event.type === 'token.revoked' && event.sid === sid ? [event.reason] : []));
const at = async (service: string, agent: TestAgent, token: unknown) => {
  const response = await fetch(`${service}/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: agent.clientId, grant_type: 'refresh_token', refresh_token: String(token) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

/** A replica's own checks, over storage of the test's. */
function rechecksWith(identities: IdentitySessions, changes: Partial<IdentityRechecksParts> = {}): IdentityRechecks {
  const spec = {
    issuer: deployment.provider.issuer,
    clientId: 'sallyport',
    clientSecret: { env: 'UNUSED' },
    session: { recheckEvery: '15m' },
  };
  const snapshot = createSnapshot({
    epoch: 'e',
    revision: 1,
    documents: documentMap([Document.parse({ kind: 'TrustProvider', name: 'test', spec })]),
    revocations: new RevocationIndex(systemClock),
  });
  return new IdentityRechecks({
    configuration: { snapshot: () => snapshot },
    providers: new TrustProviders({
      issuer: deployment.issuer,
      fetch: createSafeFetch({ userAgent: 'test', allow: [{ host: '127.0.0.1', http: true }] }),
      secret: () => Promise.resolve(new Secret(deployment.provider.clientSecret)),
      clock: systemClock,
    }),
    identities,
    users: new Users(deployment.database),
    endIdentitySessions: () => Promise.resolve(0),
    clock: systemClock,
    logger: createLogger({ name: 'test', level: 'error', destination: { write: () => undefined } }),
    ...changes,
  });
}

describe('at a refresh the identity provider', () => {
  test('is asked again, with a token that rests sealed and is used once (R84, S22)', async () => {
    const { agent, sid, refresh } = await connect();
    await age(sid, {});
    const second = await refresh();
    expect(second.status).toBe(200);
    expect((await agent.refresh(second.body['refresh_token'])).status).toBe(200); // an answer of just now counts
    await age(sid, {});
    expect(
      (await agent.refresh((await agent.refresh(second.body['refresh_token'])).body['refresh_token'])).status,
    ).toBe(200);
    expect(deployment.provider.refreshed).toHaveLength(2);
    expect(new Set(deployment.provider.refreshed).size).toBe(2);
    const dump = JSON.stringify(
      await deployment.database
        .$queryRaw`SELECT encode("sealedTokens", 'escape') AS sealed, i::text AS row FROM "IdentitySession" i`,
    );
    for (const token of deployment.provider.refreshed) expect(dump).not.toContain(token);
  });

  test('that no longer knows the human ends every session of theirs, and of nobody else (R84)', async () => {
    const bystander = await connect();
    deployment.provider.account = { ...deployment.provider.account, sub: `human-${++people}` };
    const [first, second] = [await connect(), await connect()];
    deployment.provider.disabled.add(String(deployment.provider.account.sub));
    await age(first.sid, {});
    expect(await first.refresh()).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await Promise.all([first, second, bystander].map(({ sid }) => ended(sid)))).toEqual([true, true, false]);
    await eventually(() => reasons(first.sid).length + reasons(second.sid).length === 2);
    expect(reasons(second.sid)).toEqual(['refused by the identity provider: invalid_grant']);
    expect((await second.refresh()).body['error']).toBe('invalid_grant');
    expect((await bystander.refresh()).status).toBe(200);
    expect((await signIn(first.sid)).sealedTokens).toBeNull();
  });

  test('is not asked where its document does not say so, and nothing of it is kept', async () => {
    await recheck(undefined);
    const { sid, refresh } = await connect();
    expect((await signIn(sid)).sealedTokens).toBeNull();
    await age(sid, { asked: 600 });
    expect((await refresh()).status).toBe(200);
    expect(deployment.provider.refreshed).toEqual([]);
  });

  test('has taken a role away since the last one: the next token is narrower (S4, R11)', async () => {
    const { answer, sid, refresh } = await connect();
    expect(claimsOf(answer)).toMatchObject({
      roles: ['developer'],
      groups: ['engineering'],
      scope: 'notes.read notes.write',
    });
    deployment.provider.account = { ...deployment.provider.account, groups: ['everybody'] };
    await age(sid, {});
    const next = await refresh();
    expect(next.status).toBe(200);
    expect(claimsOf(next)).toMatchObject({ roles: [], groups: ['everybody'], scope: '' });
  });

  test('has taken one of its own roles away since then: it is gone here too (R32, R84)', async () => {
    await recheck(
      { recheckEvery: '15m' },
      { claims: { subject: 'sub', email: 'email', name: 'name', groups: 'groups', roles: 'roles' } },
    );
    deployment.provider.account = { ...deployment.provider.account, roles: ['operator'] };
    const { sid, userId, refresh } = await connect();
    const providerRoles = async () =>
      (await deployment.database.user.findUniqueOrThrow({ where: { id: userId } })).providerRoles;
    expect(await providerRoles()).toEqual(['operator']);
    deployment.provider.account = { ...deployment.provider.account, roles: [] };
    await age(sid, {});
    expect((await refresh()).status).toBe(200);
    expect(await providerRoles()).toEqual([]);
  });

  test.each([
    [
      'an e-mail domain that may not come in',
      async () => recheck({ recheckEvery: '15m' }, { allowedEmailDomains: ['other.example'] }),
      "refused by the identity provider's claims: email_domain_not_allowed",
    ],
    [
      'a token that its userinfo endpoint refuses',
      async () => {
        deployment.provider.bend = { noIdTokenAtRefresh: true, userInfo: true };
        deployment.provider.answer = (path) =>
          path === '/userinfo'
            ? { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }
            : undefined;
        await recheck({ recheckEvery: '15m' });
      },
      'refused by the identity provider: invalid_token',
    ],
  ] as const)('answers with %s: the sessions end (R84)', async (_what, bend, reason) => {
    const { sid, refresh } = await connect();
    await bend();
    await age(sid, {});
    expect((await refresh()).body['error']).toBe('invalid_grant');
    await eventually(() => reasons(sid).length > 0);
    expect(reasons(sid)).toEqual([reason]);
  });

  test('speaks of somebody else: nothing it says is taken over, and it counts as no answer (S1)', async () => {
    deployment.provider.bend = {}; // whose userinfo endpoint would contradict
    await recheck({ recheckEvery: '15m' });
    const { sid, userId, refresh } = await connect();
    deployment.provider.bend = { refreshSubject: 'somebody-else' };
    deployment.provider.account = { ...deployment.provider.account, groups: ['admins'] };
    await age(sid, { asked: 30 });
    expect((await refresh()).status).toBe(200);
    expect((await deployment.database.user.findUniqueOrThrow({ where: { id: userId } })).groups).toEqual([
      'engineering',
    ]);
    expect((await signIn(sid)).confirmedAt.getTime()).toBeLessThan(Date.now() - 60_000);
  });
});

test('an identity provider that comes to name somebody else under the same `sub` has said no (S1, R84)', async () => {
  await recheck(
    { recheckEvery: '15m' },
    { claims: { subject: 'oid', email: 'email', name: 'name', groups: 'groups' } },
  );
  deployment.provider.account = { ...deployment.provider.account, oid: `first-${people}` };
  const { sid, userId, refresh } = await connect();
  deployment.provider.account = { ...deployment.provider.account, oid: `second-${people}`, groups: ['admins'] };
  await age(sid, {});
  expect((await refresh()).body['error']).toBe('invalid_grant');
  expect((await deployment.database.user.findUniqueOrThrow({ where: { id: userId } })).groups).toEqual(['engineering']);
});

describe('an identity provider that cannot be asked', () => {
  const failures: [string, { status: number; body?: unknown }][] = [
    ['fails', { status: 503 }],
    ['says that our own registration is wrong', { status: 401, body: { error: 'invalid_client' } }],
    ['answers a page', { status: 200, body: ['no token'] }],
    ['fails and calls it a refusal', { status: 500, body: { error: 'invalid_grant' } }],
  ];
  test.each(failures)(
    'because it %s costs no session while that is tolerated, and lets nothing be issued after (R84, B4)',
    async (_what, answer) => {
      const { agent, sid, refresh } = await connect();
      deployment.provider.answer = (path) => (path === '/token' ? answer : undefined);
      await age(sid, { asked: 5, confirmed: 50 });
      const during = await refresh();
      expect(during.status).toBe(200);
      await age(sid, { asked: 5, confirmed: 70 });
      const notNow = await agent.refresh(during.body['refresh_token']);
      expect([notNow.status, notNow.body['error'], notNow.headers.get('retry-after')]).toEqual([
        503,
        'temporarily_unavailable',
        '10',
      ]);
      expect(await agent.refresh(during.body['refresh_token'])).toMatchObject({ status: 503 }); // without asking again at once
      expect(await ended(sid)).toBe(false);
      deployment.provider.answer = undefined;
      await age(sid, { asked: 5, confirmed: 70 });
      expect((await agent.refresh(during.body['refresh_token'])).status).toBe(200); // the very token that was refused
    },
  );

  test('or gave nothing to ask with is trusted for as long, and then asked for a new sign-in', async () => {
    deployment.provider.refreshTokens = false;
    const { agent, sid, refresh } = await connect();
    deployment.provider.refreshTokens = true;
    await age(sid, { asked: 50 });
    const during = await refresh();
    expect(during.status).toBe(200);
    await age(sid, { asked: 70 });
    expect((await agent.refresh(during.body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect(await ended(sid)).toBe(true);
  });

  test('at its userinfo endpoint has already handed out the next refresh token, which is the one used then (S8)', async () => {
    deployment.provider.bend = { noIdTokenAtRefresh: true, userInfo: true };
    const { agent, sid, refresh } = await connect();
    deployment.provider.answer = (path) => (path === '/userinfo' ? { status: 500 } : undefined);
    await age(sid, {});
    const during = await refresh();
    expect(during.status).toBe(200);
    deployment.provider.answer = undefined;
    await age(sid, {});
    expect((await agent.refresh(during.body['refresh_token'])).status).toBe(200);
    expect(new Set(deployment.provider.refreshed).size).toBe(2);
    expect((await signIn(sid)).revision).toBe(3);
  });
});

describe('an identity provider with a hiccup', () => {
  /** A replica that begins now has no keys yet. */
  const fresh = async (): Promise<RunningService> => {
    const service = await deployment.startReplica();
    await eventually(() => service.readiness().status === 'ready', { until: 'the new replica is ready' });
    return service;
  };

  test('whose keys cannot be read has handed out the next refresh token, which is the one used then (R84, B4)', async () => {
    const { agent, answer, sid } = await connect();
    const other = await fresh();
    try {
      const issuer = other.urls['issuer'] ?? '';
      deployment.provider.answer = (path) => (path === '/jwks' ? { status: 503 } : undefined);
      await age(sid, {});
      const during = await at(issuer, agent, answer.body['refresh_token']);
      expect(during.status).toBe(200);
      expect((await signIn(sid)).confirmedAt.getTime()).toBeLessThan(Date.now() - 60_000);
      deployment.provider.answer = undefined;
      await age(sid, {});
      expect((await agent.refresh(during.body['refresh_token'])).status).toBe(200);
      expect([
        await ended(sid),
        new Set(deployment.provider.refreshed).size,
        deployment.provider.refreshed.length,
      ]).toEqual([false, 2, 2]);
      expect((await signIn(sid)).confirmedAt.getTime()).toBeGreaterThan(Date.now() - 60_000);
    } finally {
      await other.close();
    }
  });

  test.each([
    ['keys', '/jwks'],
    ['metadata', '/.well-known/openid-configuration'],
  ])('whose %s cannot be renewed is believed by those that were read (R84, B4)', async (_what, missing) => {
    const { sid, userId } = await connect();
    const clock = createFakeClock(Date.now());
    const options = {
      issuer: deployment.issuer,
      fetch: createSafeFetch({ userAgent: 'test', allow: [{ host: '127.0.0.1', http: true }] }),
      secret: () => Promise.resolve(new Secret(deployment.provider.clientSecret)),
      clock,
    };
    const providers = new TrustProviders(options);
    const [document] = [
      Document.parse({
        kind: 'TrustProvider',
        name: 'test',
        spec: { issuer: deployment.provider.issuer, clientId: 'sallyport', clientSecret: { env: 'UNUSED' } },
      }),
    ];
    if (document.kind !== 'TrustProvider') throw new Error(document.kind);
    const { subject } = await signIn(sid);
    const tokens = async () =>
      (await new IdentitySessions(deployment.database, deployment.sealer, systemClock).tokens((await signIn(sid)).id))
        ?.refreshToken ?? expect.fail('none');
    const ask = async (token: string) => {
      const answer = await providers.refresh(document, token, subject);
      if (answer.type !== 'granted') throw new Error(answer.type);
      return {
        next: answer.refreshToken ?? '',
        proven: await answer.prove().then(
          () => 'proven',
          (error: unknown) => (error instanceof SallyportError ? error.message : error),
        ),
      };
    };
    const first = await ask(await tokens());
    deployment.provider.answer = (path) => (path === missing ? { status: 503 } : undefined);
    clock.advance(6 * 3_600_000);
    const second = await ask(first.next);
    expect([userId !== '', first.proven, second.proven]).toEqual([true, 'proven', 'proven']);
    clock.advance(24 * 3_600_000);
    expect(
      await ask(second.next).then(
        ({ proven }) => proven,
        (error: unknown) => (error instanceof SallyportError ? error.message : error),
      ),
    ).toMatch(/cannot be used now: its (keys|metadata) cannot be read/);
  });

  test('that loses an answer and repeats it loses nobody (R84, B3)', async () => {
    deployment.provider.repeats = true;
    const { agent, sid, refresh } = await connect();
    deployment.provider.losing = 1;
    await age(sid, {});
    const during = await refresh();
    expect(during.status).toBe(200);
    expect((await signIn(sid)).confirmedAt.getTime()).toBeGreaterThan(Date.now() - 60_000);
    await age(sid, {});
    expect((await agent.refresh(during.body['refresh_token'])).status).toBe(200);
    expect(new Set(deployment.provider.refreshed).size).toBe(2);
  });

  test.each<[string, (sid: string) => void]>([
    ['on the way', () => void (deployment.provider.losing = 1)],
    [
      'behind a proxy that answers 502',
      (sid) => {
        let isLost = false;
        deployment.provider.answer = async (path) => {
          if (path !== '/token' || isLost) return undefined;
          isLost = true;
          const kept = await new IdentitySessions(deployment.database, deployment.sealer, systemClock).tokens(
            (await signIn(sid)).id,
          );
          // The provider did it; what answers is something else.
          await fetch(`${deployment.provider.issuer}/token`, {
            method: 'POST',
            body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: kept?.refreshToken ?? '' }),
          });
          return { status: 502 };
        };
      },
    ],
  ])(
    'that loses an answer %s, and repeats none, costs no session while an outage is tolerated; then a new sign-in (R84, B4)',
    async (_where, lose) => {
      const [{ agent, sid, refresh }, other] = [await connect(), await connect()];
      await age(sid, { asked: 5, confirmed: 50 });
      lose(sid);
      const during = await refresh();
      expect(during.status).toBe(200);
      await age(sid, { asked: 5, confirmed: 55 });
      const still = await agent.refresh(during.body['refresh_token']);
      expect([still.status, await ended(sid), await ended(other.sid)]).toEqual([200, false, false]);
      await age(sid, { asked: 5, confirmed: 70 });
      expect((await agent.refresh(still.body['refresh_token'])).body['error']).toBe('invalid_grant');
      expect([await ended(sid), await ended(other.sid)]).toEqual([true, false]); // that sign-in, and not the human
      await eventually(() => reasons(sid).length > 0);
      expect(reasons(sid)).toEqual([
        'an answer of the identity provider was lost, and with it what it is asked again with',
      ]);
    },
  );

  test('whose word about the human comes after a lost answer is believed all the same (R84)', async () => {
    const { sid, refresh } = await connect();
    await age(sid, {});
    let asked = 0;
    deployment.provider.answer = (path) =>
      path !== '/token'
        ? undefined
        : (asked += 1) === 1
          ? { status: 502 }
          : { status: 400, body: { error: 'access_denied' } };
    expect((await refresh()).body['error']).toBe('invalid_grant');
    expect(await ended(sid)).toBe(true);
  });

  test.each([503, 429])('that answers %i has spent nothing: its next refusal is definite (R84)', async (status) => {
    const { agent, sid, refresh } = await connect();
    await age(sid, {});
    deployment.provider.answer = (path) => (path === '/token' ? { status } : undefined);
    const during = await refresh();
    deployment.provider.answer = undefined;
    deployment.provider.disabled.add(String(deployment.provider.account.sub));
    await age(sid, {});
    expect((await agent.refresh(during.body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect(await ended(sid)).toBe(true);
  });

  test('that a killed process asked is asked again in seconds, with the same token (R84, B3)', async () => {
    deployment.provider.repeats = true;
    const { sid } = await connect();
    const { id } = await signIn(sid);
    await age(sid, { asked: 1 });
    // What a process leaves behind that dies between the answer and its storing.
    const dying = new IdentitySessions(deployment.database, deployment.sealer, systemClock);
    const held = (await dying.take(id, 500)) ?? expect.fail('not taken');
    expect(await dying.sending(held)).toBe(true);
    await fetch(`${deployment.provider.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: held.tokens?.refreshToken ?? '' }),
    });
    await eventually(async () => (await signIn(sid)).unansweredSince === null, {
      timeoutMs: 20_000,
      until: 'a replica asked again',
    });
    expect(new Set(deployment.provider.refreshed).size).toBe(1);
    expect([(await signIn(sid)).revision, await ended(sid)]).toEqual([2, false]);
    // What was granted is stored first, and then verified.
    await expect.poll(async () => (await signIn(sid)).confirmedAt.getTime()).toBeGreaterThan(Date.now() - 30_000);
  });

  test('loses nobody while the database is away: what it granted is stored when that is back (R84, B3)', async () => {
    const { sid } = await connect();
    const { id, userId } = await signIn(sid);
    await age(sid, {});
    class Away extends IdentitySessions {
      failing = 3;
      override keep(...kept: Parameters<IdentitySessions['keep']>) {
        if ((this.failing -= 1) >= 0) return Promise.reject(new Error('the database is away'));
        return super.keep(...kept);
      }
    }
    const identities = new Away(deployment.database, deployment.sealer, systemClock);
    const slept: number[] = [];
    const rechecks = rechecksWith(identities, {
      sleep: async (ms) => {
        slept.push(ms);
        // Somebody else took over meanwhile, asked with the spent token, and gave up on it.
        if (slept.length === 3) {
          await deployment.database.identitySession.update({ where: { id }, data: { lockUntil: null } });
          const theirs = new IdentitySessions(deployment.database, deployment.sealer, systemClock);
          const held = (await theirs.take(id, 60_000)) ?? expect.fail('not taken');
          await theirs.keep(held, { authentication: held.tokens?.authentication ?? {}, isRefreshTokenLost: true });
        }
      },
    });
    const user = (await new Users(deployment.database).find(userId)) ?? expect.fail('no user');
    expect(await rechecks.recheck(user, id)).toEqual({ type: 'stands' });
    expect(slept).toEqual([250, 500, 1_000]);
    await age(sid, {});
    expect(await rechecks.recheck(user, id)).toEqual({ type: 'stands' });
    expect([deployment.provider.refreshed.length, new Set(deployment.provider.refreshed).size]).toEqual([2, 2]);
  });
});

describe('one sign-in, asked about from many places', () => {
  test('uses each refresh token of the provider once, though replicas ask at the same moment (B3, R84)', async () => {
    const { agent, answer, sid } = await connect();
    await age(sid, {});
    const issuers = [deployment.issuer, replica.urls['issuer'] ?? ''];
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => at(issuers[index % 2] ?? '', agent, answer.body['refresh_token'])),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    expect(deployment.provider.refreshed).toHaveLength(1);
  });

  test('waits for another replica once, however many agents of it refresh here meanwhile (S29, B3)', async () => {
    const { sid } = await connect();
    await age(sid, {});
    const { id, userId } = await signIn(sid);
    class Counted extends IdentitySessions {
      found = 0;
      taken = 0;
      override async find(...asked: Parameters<IdentitySessions['find']>) {
        const session = await super.find(...asked);
        this.found += 1;
        return session;
      }
      override take(...asked: Parameters<IdentitySessions['take']>) {
        this.taken += 1;
        return super.take(...asked);
      }
    }
    const identities = new Counted(deployment.database, deployment.sealer, systemClock);
    const users = new Users(deployment.database);
    const rechecks = rechecksWith(identities);
    const elsewhere = new IdentitySessions(deployment.database, deployment.sealer, systemClock);
    const held = (await elsewhere.take(id, 60_000)) ?? expect.fail('not taken');
    await age(sid, {});
    const user = (await users.find(userId)) ?? expect.fail('no user');
    const answers = Array.from({ length: 20 }, () => rechecks.recheck(user, id));
    await eventually(() => identities.found >= 20);
    await elsewhere.release(held);
    expect(await Promise.all(answers)).toEqual(answers.map(() => ({ type: 'stands' })));
    expect(identities.taken).toBe(1);
  });

  test('is not condemned by whoever lost its hold meanwhile', async () => {
    const { sid, refresh } = await connect();
    const { id } = await signIn(sid);
    // Between question and answer another replica takes over: the hold was let go for too long.
    deployment.provider.answer = async (path) => {
      if (path === '/token')
        await deployment.database.identitySession.update({
          where: { id },
          data: { lockOwner: 'another', revision: { increment: 1 }, lockUntil: null },
        });
      return undefined;
    };
    await age(sid, {});
    deployment.provider.disabled.add(String(deployment.provider.account.sub));
    expect((await refresh()).status).toBe(200);
    expect(await ended(sid)).toBe(false);
  });

  test('keeps its tokens to itself: in another record they do not open (S22)', async () => {
    const [mine, theirs] = [await connect(), await connect()];
    const [from, to] = [await signIn(theirs.sid), await signIn(mine.sid)];
    await deployment.database.identitySession.update({
      where: { id: to.id },
      data: { sealedTokens: from.sealedTokens },
    });
    const identities = new IdentitySessions(deployment.database, deployment.sealer, systemClock);
    await expect(identities.take(to.id, 1_000)).rejects.toMatchObject({ code: 'sealed_value_invalid' });
    await expect(identities.take(from.id, 1_000)).resolves.toMatchObject({
      tokens: { refreshToken: expect.any(String) },
    });
  });

  test('is held by one at a time, and by the next when that one never lets go', async () => {
    const { sid } = await connect();
    const { id } = await signIn(sid);
    const clock = createFakeClock(Date.now());
    const identities = new IdentitySessions(deployment.database, deployment.sealer, clock);
    const held = await Promise.all(Array.from({ length: 6 }, () => identities.take(id, 60_000)));
    expect(held.filter(Boolean)).toHaveLength(1);
    clock.advance(90_000); // a replica whose clock is off does not take what is held
    expect(await identities.take(id, 60_000)).toBeUndefined();
    await deployment.database
      .$executeRaw`UPDATE "IdentitySession" SET "lockUntil" = clock_timestamp() WHERE id = ${id}`;
    const [first] = held.filter((one) => one !== undefined);
    const next = await identities.take(id, 60_000);
    expect(next).toBeDefined();
    expect(first && (await identities.confirm(first))).toBe(false);
    expect(first && (await identities.keep(first, { authentication: {} }))).toBeUndefined();
    expect(next && (await identities.confirm(next))).toBe(true);
  });

  test('belongs to the issuer it was made at: a document that names another gets none of its tokens (S20, S25)', async () => {
    const { sid, refresh } = await connect();
    await recheck({ recheckEvery: '15m' }, { issuer: `${deployment.provider.issuer}/elsewhere` });
    await age(sid, {});
    expect((await refresh()).body['error']).toBe('invalid_grant');
    expect(deployment.provider.refreshed).toEqual([]);
    expect(await ended(sid)).toBe(true);
  });
});

describe('between refreshes', () => {
  test('an agent that may still hold a token is cut off by a check in the background, of any replica (R84)', async () => {
    const [active, idle] = [await connect(), await connect()];
    deployment.provider.disabled.add(String(deployment.provider.account.sub));
    await deployment.database.agentSession.update({
      where: { sid: idle.sid },
      data: { lastUsedAt: new Date(Date.now() - 3_600_000) },
    });
    await age(idle.sid, { asked: 30 });
    expect(deployment.provider.refreshed).toEqual([]);
    await age(active.sid, { asked: 16 });
    await eventually(() => ended(active.sid), { timeoutMs: 20_000, until: 'a replica checked' });
    expect(deployment.provider.refreshed).toHaveLength(1);
    expect(await ended(idle.sid)).toBe(true); // the same human
  });
});

test('a question to an identity provider that hangs keeps no other sign-in waiting (R84, B4)', async () => {
  // Whose question other tests left open is asked again after a few seconds, and would be the one that hangs.
  await deployment.database.identitySession.updateMany({ where: { endedAt: null }, data: { endedAt: new Date() } });
  const everybody = [];
  for (let count = 0; count < 12; count += 1) {
    deployment.provider.account = { ...deployment.provider.account, sub: `human-${++people}` };
    everybody.push(await connect());
  }
  await recheck(undefined); // the replicas leave them to this test
  for (const { sid } of everybody) await age(sid, { asked: 900, confirmed: 900 });
  let release = (): void => undefined;
  const hanging = new Promise<undefined>((resolve) => (release = () => resolve(undefined)));
  let asked = 0;
  deployment.provider.answer = (path) => (path === '/token' && (asked += 1) === 1 ? hanging : undefined);
  const identities = new IdentitySessions(deployment.database, deployment.sealer, systemClock);
  const checking = rechecksWith(identities).checkDue();
  const ids = await Promise.all(everybody.map(async ({ sid }) => (await signIn(sid)).id));
  const unconfirmed = () =>
    deployment.database.identitySession.count({
      where: { id: { in: ids }, confirmedAt: { lte: new Date(Date.now() - 60_000) } },
    });
  await expect.poll(unconfirmed).toBe(1);
  release();
  await checking;
  expect(await unconfirmed()).toBe(0);
});

test('of the sign-ins that are due those come first whose question is open, and those that are held not at all (B3)', async () => {
  const [open, held, plain] = [await connect(), await connect(), await connect()];
  await recheck(undefined);
  for (const { sid } of [open, held, plain]) await age(sid, { asked: 1_000 });
  const id = async ({ sid }: { sid: string }) => (await signIn(sid)).id;
  const identities = new IdentitySessions(deployment.database, deployment.sealer, systemClock);
  expect(await identities.take(await id(held), 60_000)).toBeDefined();
  await age(held.sid, { asked: 1_000 });
  await deployment.database.identitySession.update({
    where: { id: await id(open) },
    data: { unansweredSince: new Date(), askedAt: new Date(Date.now() - 5_000) },
  });
  const due = await identities.due('test', {
    askedBefore: new Date(Date.now() - 900 * 60_000),
    usedSince: new Date(Date.now() - 60_000),
    open: { since: new Date(Date.now() - 60_000), askedBefore: new Date() },
    limit: 50,
  });
  const [openId, heldId, plainId] = [await id(open), await id(held), await id(plain)];
  expect(due.filter((one) => [openId, heldId, plainId].includes(one))).toEqual([openId, plainId]);
});

test('an agent session from before sign-ins were written down ends alone where they are to be checked', async () => {
  const [old, other] = [await connect(), await connect()];
  await deployment.database.agentSession.update({ where: { sid: old.sid }, data: { identitySessionId: null } });
  expect((await old.refresh()).body['error']).toBe('invalid_grant');
  expect([await ended(old.sid), await ended(other.sid)]).toEqual([true, false]);
});

describe('a sign-in nothing can come of any more', () => {
  test('loses its tokens, and is forgotten a day later; one with a live agent stays', async () => {
    const [unused, used] = [await connect(), await connect()];
    const [unusedSignIn, usedSignIn] = [await signIn(unused.sid), await signIn(used.sid)];
    await deployment.database.agentSession.update({ where: { sid: unused.sid }, data: { endedAt: new Date() } });
    const clock = createFakeClock(Date.now());
    const identities = new IdentitySessions(deployment.database, deployment.sealer, clock);
    const stored = async () =>
      (
        await deployment.database.identitySession.findMany({
          where: { id: { in: [unusedSignIn.id, usedSignIn.id] } },
          orderBy: { createdAt: 'asc' },
        })
      ).map(({ id, endedAt, sealedTokens }) => [id, endedAt !== null, sealedTokens !== null]);
    await identities.endUnused(new Date(Date.now() - 60_000));
    expect(await stored()).toEqual([
      [unusedSignIn.id, false, true],
      [usedSignIn.id, false, true],
    ]);
    clock.advance(1_000);
    await identities.endUnused(new Date(clock()));
    expect(await stored()).toEqual([
      [unusedSignIn.id, true, false],
      [usedSignIn.id, false, true],
    ]);
    clock.advance(23 * 3_600_000);
    await removeExpired(deployment.database, clock);
    expect(await stored()).toHaveLength(2);
    clock.advance(2 * 3_600_000);
    await removeExpired(deployment.database, clock);
    expect(await stored()).toEqual([[usedSignIn.id, false, true]]);
  });
});
