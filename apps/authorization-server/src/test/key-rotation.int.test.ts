import { decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAccessTokenVerifier } from '@sallyport/access-token';
import { signCommand } from '@sallyport/configuration/log';
import { systemClock } from '@sallyport/kernel';
import { subjects } from '@sallyport/messages';
import { eventually } from '@sallyport/testing';
import { TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => {
  deployment = await startTestDeployment();
});
afterAll(() => deployment.close());

/** What a gateway replica verifies with; its key set grows old sooner here, because the moments are brought forward. */
const startVerifier = async () => {
  const verifier = createAccessTokenVerifier({
    issuer: deployment.issuer,
    audience: deployment.resource,
    jwksUrl: `${deployment.issuer}/jwks`,
    fetch: (url, init) => fetch(url, init),
    clock: systemClock,
    revocations: () => ({ generation: 0, isRevoked: () => false, isKeyWithdrawn: () => false }),
    keys: { cooldownMs: 500, maxAgeMs: 500 },
  });
  await verifier.start();
  return verifier;
};
const publishedKids = async () => {
  const { keys } = (await (await fetch(`${deployment.issuer}/jwks`)).json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid).filter((kid) => kid.startsWith('at-'));
};

/** As of one user with three agents that never rest: more than any limit would let pass. */
const limits = { user: 1_000_000, session: 1_000_000 };

test('a key is published, signs, retires and is withdrawn under load, without a failed request or verification at three gateways (B7, S5)', async () => {
  const verifiers = await Promise.all([startVerifier(), startVerifier(), startVerifier()]);
  const failures: string[] = [];
  const seen = new Map<string, string>();
  let verifications = 0;
  let loaded = true;
  const work = async (): Promise<void> => {
    const agent = await TestAgent.register(deployment);
    let tokens = await agent.connect();
    while (loaded) {
      if (tokens.status !== 200) return void failures.push(`${tokens.status} ${JSON.stringify(tokens.body)}`);
      const token = String(tokens.body['access_token']);
      seen.set(String(decodeProtectedHeader(token).kid), token);
      for (const verifier of verifiers) {
        verifier.keys.refreshWhenOld();
        const verification = await verifier.verify(token);
        verifications += 1;
        if (!verification.ok) failures.push(verification.reason);
      }
      tokens = await agent.refresh(tokens.body['refresh_token']);
    }
  };
  await deployment.configure([
    {
      kind: 'AuthorizationServer',
      name: 'default',
      spec: {
        lifetimes: { accessToken: '15m', machineToken: '10m', sessionIdle: '14d', session: '90d' },
        signingKeys: { algorithm: 'ES256', rotateEvery: '90d', publishAhead: '30s' },
        limits,
      },
    },
  ]);
  const load = Promise.all([work(), work(), work()]);
  await eventually(() => seen.size === 1);
  const [oldKid = ''] = await publishedKids();
  const waiting = await TestAgent.register(deployment);
  const begun = await waiting.open();

  // The command: what is older than now gets a successor, published at once and signing later.
  const command = await signCommand(
    { v: 1, type: 'rotate-signing-keys', purposes: ['access-token'], olderThan: Date.now(), issuedAt: Date.now() },
    deployment.controlPlaneKey,
  );
  expect(await deployment.messaging.request(subjects.rotateSigningKeys, { command }, { timeoutMs: 10_000 })).toEqual({
    v: 1,
    outcome: 'done',
  });
  await eventually(async () => (await publishedKids()).length === 2, {
    timeoutMs: 20_000,
    until: 'the next key is published',
  });
  const newKid = (await publishedKids()).find((kid) => kid !== oldKid) ?? '';
  expect([...seen.keys()]).toEqual([oldKid]);
  await eventually(() => verifiers.every(({ keys }) => keys.has(newKid)), {
    timeoutMs: 10_000,
    until: 'every gateway knows it before it signs',
  });

  await deployment.database.signingKey.update({ where: { kid: newKid }, data: { signsFrom: new Date() } });
  await eventually(() => seen.has(newKid), { timeoutMs: 20_000, until: 'the new key signs' });
  for (const verifier of verifiers) expect((await verifier.verify(seen.get(oldKid) ?? '')).ok).toBe(true);
  const allowed = await waiting.press(await waiting.press(begun, /^Continue with/), 'Allow');
  expect((await waiting.redeem(allowed.url.searchParams.get('code'))).status).toBe(200);

  await deployment.database.signingKey.update({ where: { kid: oldKid }, data: { withdrawnAt: new Date() } });
  await eventually(async () => !(await publishedKids()).includes(oldKid), {
    timeoutMs: 20_000,
    until: 'the old key is published no more',
  });
  await eventually(() => verifiers.every(({ keys }) => !keys.has(oldKid)), {
    timeoutMs: 10_000,
    until: 'every gateway has dropped it',
  });
  for (const verifier of verifiers)
    expect(await verifier.verify(seen.get(oldKid) ?? '')).toEqual({ ok: false, reason: 'unknown_key' });

  loaded = false;
  await load;
  expect(failures).toEqual([]);
  expect(verifications).toBeGreaterThan(100);
  expect([...seen.keys()].toSorted()).toEqual([oldKid, newKid].toSorted());
}, 90_000);
