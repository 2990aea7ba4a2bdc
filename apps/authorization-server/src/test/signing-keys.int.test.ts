import { decodeProtectedHeader, generateKeyPair, type CryptoKey } from 'jose';
import { createAccessTokenVerifier } from '@sallyport/access-token';
import { signCommand, type SignedCommandOf } from '@sallyport/configuration/log';
import type { RunningService } from '@sallyport/process';
import { systemClock } from '@sallyport/kernel';
import { subjects } from '@sallyport/messages';
import { eventually, findSecrets } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent, type TokenAnswer } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
let replica: RunningService;
beforeAll(async () => {
  deployment = await startTestDeployment();
  replica = await deployment.startReplica();
  await eventually(() => replica.readiness().status === 'ready', { until: 'the other replica is ready' });
});
afterAll(async () => {
  await replica.close();
  await deployment.close();
});

type Published = { kid: string; alg: string } & Record<string, unknown>;
const published = async (issuer = deployment.issuer): Promise<Published[]> =>
  ((await (await fetch(`${issuer}/jwks`)).json()) as { keys: Published[] }).keys;
const kidOf = ({ body }: TokenAnswer) => String(decodeProtectedHeader(String(body['access_token'])).kid);
const keysOf = async (purpose: string) =>
  deployment.database.signingKey.findMany({ where: { purpose }, orderBy: { signsFrom: 'desc' } });
const command = async (
  changes: Partial<SignedCommandOf<'rotate-signing-keys'>> = {},
  key: CryptoKey = deployment.controlPlaneKey,
) => {
  const signed = await signCommand(
    {
      v: 1,
      type: 'rotate-signing-keys',
      purposes: ['access-token', 'downstream-token'],
      olderThan: Date.now(),
      issuedAt: Date.now(),
      ...changes,
    },
    key,
  );
  return deployment.messaging.request(subjects.rotateSigningKeys, { command: signed }, { timeoutMs: 10_000 });
};
/** Ends the notice that published keys are given, and waits until both replicas sign with them. */
const bringForward = async (agent: TestAgent, refreshToken: unknown): Promise<void> => {
  await deployment.database.signingKey.updateMany({
    where: { signsFrom: { gt: new Date() } },
    data: { signsFrom: new Date() },
  });
  const [active] = await keysOf('access-token');
  for (const issuer of [deployment.issuer, replica.urls['issuer'] ?? '']) {
    await eventually(
      async () => {
        const answer = await refreshAt(issuer, agent, refreshToken);
        refreshToken = answer.body['refresh_token'];
        return kidOf(answer) === active?.kid;
      },
      { timeoutMs: 20_000, intervalMs: 200, until: 'the next key signs' },
    );
  }
};
const refreshAt = async (issuer: string, agent: TestAgent, refreshToken: unknown): Promise<TokenAnswer> => {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      client_id: agent.clientId,
      grant_type: 'refresh_token',
      refresh_token: String(refreshToken),
    }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
};
const verifierOf = (isKeyWithdrawn: (kid: string) => boolean = () => false) =>
  createAccessTokenVerifier({
    issuer: deployment.issuer,
    audience: deployment.resource,
    jwksUrl: `${deployment.issuer}/jwks`,
    fetch: (url, init) => fetch(url, init),
    clock: systemClock,
    revocations: () => ({ generation: 0, isRevoked: () => false, isKeyWithdrawn }),
    keys: { cooldownMs: 0 },
  });

describe('the command to rotate', () => {
  test('is obeyed when the control plane signed it, and once (S26, B7)', async () => {
    const before = await published();
    const olderThan = Date.now();
    expect(await command({ purposes: ['access-token'], olderThan })).toEqual({ v: 1, outcome: 'done' });
    expect(await keysOf('access-token')).toHaveLength(2);
    expect(await keysOf('downstream-token')).toHaveLength(1);
    await command({ purposes: ['access-token'], olderThan });
    await command({ purposes: ['access-token'] });
    const [next] = await keysOf('access-token');
    expect(await keysOf('access-token')).toHaveLength(2);
    expect(next?.signsFrom.getTime()).toBeGreaterThanOrEqual(olderThan + 30_000);
    await eventually(async () => (await published()).length === before.length + 1, {
      timeoutMs: 15_000,
      until: 'the next key is published',
    });
    await eventually(() =>
      deployment.events.some(
        ({ type, detail }) =>
          type === 'signing_key.created' && detail?.['kid'] === next?.kid && detail?.['purpose'] === 'access-token',
      ),
    );
    const agent = await TestAgent.register(deployment);
    await bringForward(agent, (await agent.connect()).body['refresh_token']);
    await command({ purposes: ['access-token'], olderThan });
    expect(await keysOf('access-token')).toHaveLength(2);
  });
  test('is refused from anybody else, when it is old, and when it is nothing of the kind (S26)', async () => {
    const { privateKey } = await generateKeyPair('EdDSA');
    expect(await command({}, privateKey)).toEqual({ v: 1, outcome: 'refused' });
    expect(await command({ issuedAt: Date.now() - 61_000 })).toEqual({ v: 1, outcome: 'refused' });
    for (const payload of [{}, { command: 'x' }, { command: 'x'.repeat(5_000) }])
      expect(await deployment.messaging.request(subjects.rotateSigningKeys, payload, { timeoutMs: 10_000 })).toEqual({
        v: 1,
        outcome: 'refused',
      });
    expect(await keysOf('downstream-token')).toHaveLength(1);
  });
});

describe('an algorithm of choice', () => {
  const configure = (algorithm: 'ES256' | 'RS256' | 'EdDSA') =>
    deployment.configure([
      {
        kind: 'AuthorizationServer',
        name: 'default',
        spec: {
          lifetimes: { accessToken: '15m', machineToken: '10m', sessionIdle: '14d', session: '90d' },
          signingKeys: { algorithm, rotateEvery: '90d', publishAhead: '30s' },
        },
      },
    ]);

  test.each(['RS256', 'EdDSA'] as const)(
    '%s: published first, then it signs access and ID tokens, also of agents that registered before (B7, S6)',
    async (algorithm) => {
      const agent = await TestAgent.register(deployment);
      const earlier = await agent.connect({ scope: 'openid notes.read' });
      await configure(algorithm);
      await eventually(
        async () => {
          const fresh = (await published()).filter(({ kid }) => !known.has(kid));
          return ['at-', 'dt-'].every((prefix) =>
            fresh.some(({ kid, alg }) => kid.startsWith(prefix) && alg === algorithm),
          );
        },
        { timeoutMs: 20_000, intervalMs: 200, until: `keys for ${algorithm} are published` },
      );
      const refreshed = await agent.refresh(earlier.body['refresh_token']);
      expect(kidOf(refreshed)).toBe(kidOf(earlier));

      await bringForward(agent, refreshed.body['refresh_token']);
      const later = await agent.connect({ scope: 'openid notes.read' });
      expect(decodeProtectedHeader(String(later.body['id_token']))).toMatchObject({
        alg: algorithm,
        kid: kidOf(later),
      });
      const verifier = verifierOf();
      for (const answer of [earlier, later])
        expect(await verifier.verify(String(answer.body['access_token']))).toMatchObject({ ok: true });
      const metadata = (await (await fetch(`${deployment.issuer}/.well-known/openid-configuration`)).json()) as Record<
        string,
        unknown
      >;
      expect(metadata['id_token_signing_alg_values_supported']).toEqual([algorithm]);
      for (const { kid } of await published()) known.add(kid);
    },
  );
  const known = new Set<string>();
  beforeAll(async () => {
    for (const { kid } of await published()) known.add(kid);
  });

  test('what is published holds nothing private, and at rest the private part is sealed under its kid (S6)', async () => {
    const rows = await deployment.database.signingKey.findMany();
    expect(new Set(rows.map(({ algorithm }) => algorithm))).toEqual(new Set(['ES256', 'RS256', 'EdDSA']));
    for (const key of await published())
      expect(Object.keys(key).filter((name) => ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth'].includes(name))).toEqual(
        [],
      );
    for (const row of rows) {
      const { d } = JSON.parse(deployment.sealer.open('signing-key', row.sealedPrivate, row.kid).toString()) as {
        d: string;
      };
      const raw = Buffer.from(d, 'base64url').toString('latin1');
      expect(findSecrets({ row: JSON.stringify(row), sealed: row.sealedPrivate }, { d })).toEqual([]);
      expect(Buffer.from(row.sealedPrivate).toString('latin1')).not.toContain(raw);
    }
  });
});

describe('a key that somebody else may have', () => {
  test('is replaced at once when it is withdrawn: its tokens are void, refresh tokens are not, and no replica signs with it again (S5, B7)', async () => {
    const agent = await TestAgent.register(deployment);
    const before = await agent.connect();
    const kid = kidOf(before);
    let refreshToken = before.body['refresh_token'];
    await deployment.revoke({ type: 'signing-key', kid });

    for (const issuer of [replica.urls['issuer'] ?? '', deployment.issuer]) {
      const answer = await refreshAt(issuer, agent, refreshToken);
      expect(answer.status).toBe(200);
      refreshToken = answer.body['refresh_token'];
      expect(kidOf(answer)).not.toBe(kid);
      const kids = (await published(issuer)).map((key) => key.kid);
      expect(kids).toContain(kidOf(answer));
      expect(kids).not.toContain(kid);
    }
    const isWithdrawn = (one: string) => one === kid;
    expect(await verifierOf(isWithdrawn).verify(String(before.body['access_token']))).toMatchObject({ ok: false });
    expect(
      (await verifierOf(isWithdrawn).verify(String((await agent.refresh(refreshToken)).body['access_token']))).ok,
    ).toBe(true);
  });

  test('is promptly succeeded by the one that is published already (S5)', async () => {
    await command({ purposes: ['downstream-token'] });
    const [next, active] = await keysOf('downstream-token');
    expect(next?.signsFrom.getTime()).toBeGreaterThan(Date.now());
    await deployment.revoke({ type: 'signing-key', kid: active?.kid ?? '' });
    await eventually(
      async () => ((await keysOf('downstream-token'))[0]?.signsFrom.getTime() ?? Infinity) <= Date.now(),
      { timeoutMs: 10_000, until: 'the next key signs' },
    );
    expect((await keysOf('downstream-token'))[0]?.kid).toBe(next?.kid);
    expect(
      (await deployment.database.signingKey.findUnique({ where: { kid: active?.kid ?? '' } }))?.withdrawnAt?.getTime(),
    ).toBeLessThanOrEqual(Date.now());
  });

  test('before it ever signed leaves the one that signs to go on (S5)', async () => {
    const agent = await TestAgent.register(deployment);
    const kid = kidOf(await agent.connect());
    await command({ purposes: ['access-token'] });
    const [next] = await keysOf('access-token');
    expect(next?.kid).not.toBe(kid);
    await deployment.revoke({ type: 'signing-key', kid: next?.kid ?? '' });
    await eventually(
      async () => (await deployment.database.signingKey.findUniqueOrThrow({ where: { kid } })).withdrawnAt === null,
      { timeoutMs: 10_000, until: 'the active key stays' },
    );
    expect(kidOf(await agent.connect())).toBe(kid);
  });
});
