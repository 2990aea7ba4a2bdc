import type { Document, WorkloadConditions } from '@sallyport/configuration';
import { eventually } from '@sallyport/testing';
import { decodeJwt, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent, type TokenAnswer } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';
import { startTestIssuer, type TestIssuer } from '../testing/test-issuer.js';
import { workloadTokens } from '../testing/workload-tokens.js';

let deployment: TestDeployment;
let platform: TestIssuer;
let bundle: TestIssuer;

type WorkloadIssuer = Extract<Document, { kind: 'WorkloadIssuer' }>;
const common = { algorithms: ['RS256' as const], maxLifetime: '1h', singleUse: false };
const agent = (name: string, issuer: string, conditions: Omit<WorkloadConditions, 'method' | 'issuer'>): Document => ({
  kind: 'Agent',
  name,
  spec: {
    displayName: name,
    redirectUris: [],
    machine: { roles: ['developer'] },
    authentication: { method: 'workload', issuer, ...conditions },
  },
});
const issuer = (name: string, spec: WorkloadIssuer['spec']): Document => ({ kind: 'WorkloadIssuer', name, spec });

beforeAll(async () => {
  [deployment, platform, bundle] = await Promise.all([
    startTestDeployment(),
    startTestIssuer(),
    startTestIssuer({ use: 'jwt-svid' }),
  ]);
  const ports = [deployment.provider.issuer, platform.url, bundle.url].map((url) => Number(new URL(url).port));
  await deployment.configure([
    { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', ports, http: true }] } },
    issuer('cluster', { ...common, type: 'kubernetes', issuer: platform.url }),
    issuer('mesh', { ...common, type: 'spiffe', trustDomain: 'acme.example', jwksUri: `${bundle.url}/bundle` }),
    issuer('github', { ...common, type: 'github-actions', issuer: platform.url, singleUse: true }),
    issuer('gitlab', { ...common, type: 'gitlab', issuer: platform.url }),
    agent('nightly', 'cluster', {
      subject: 'system:serviceaccount:agents:nightly',
      claims: { 'kubernetes.io': { namespace: 'agents', serviceaccount: { name: 'nightly' } } },
    }),
    agent('sidecar', 'mesh', { subject: 'spiffe://acme.example/ns/agents/sa/nightly' }),
    agent('deploy', 'github', {
      claims: { repository: 'acme/app', environment: 'production' },
      when: 'claims.ref == "refs/heads/main" || claims.ref.startsWith("refs/tags/v")',
    }),
    agent('pipeline', 'gitlab', { claims: { project_path: 'acme/app', ref_protected: 'true' } }),
    agent('vague', 'github', { when: 'claims.ref == "refs/heads/main"' }),
    agent('orphan', 'nowhere', { subject: 'x' }),
    {
      kind: 'AccessPolicy',
      name: 'machines',
      spec: { hop: 'client-to-gateway', agents: { machines: 'only', assurance: 'key-authenticated' } },
    },
  ]);
});
afterAll(() => Promise.all([deployment.close(), platform.close(), bundle.close()]));

const present = (
  clientId: string,
  token: string,
  changes: Record<string, string | undefined> = {},
): Promise<TokenAnswer> =>
  new TestAgent(deployment, clientId).token({
    grant_type: 'client_credentials',
    resource: deployment.resource,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: token,
    ...changes,
  });
const aud = () => deployment.issuer;
let serial = 0;
const tokens = {
  nightly: (changes: Record<string, unknown> = {}) =>
    platform.sign({ ...workloadTokens.kubernetes, aud: [aud()], ...changes }),
  sidecar: (changes: Record<string, unknown> = {}) =>
    bundle.sign({ ...workloadTokens.spiffe, iss: undefined, aud: [aud()], ...changes }, { typ: 'JWT' }),
  deploy: (changes: Record<string, unknown> = {}) =>
    platform.sign(
      { ...workloadTokens.githubActions, jti: `job-${(serial += 1)}`, aud: aud(), ...changes },
      { typ: 'JWT' },
    ),
  pipeline: (changes: Record<string, unknown> = {}) =>
    platform.sign({ ...workloadTokens.gitlab, aud: aud(), ...changes }, { typ: 'JWT' }),
};
const reasonFor = async (clientId: string, answer: TokenAnswer): Promise<string | undefined> => {
  expect([answer.status, answer.body]).toEqual([
    401,
    { error: 'invalid_client', error_description: 'client authentication failed' },
  ]);
  const find = () =>
    deployment.events.findLast((event) => event.type === 'token.refused' && event.clientId === clientId)?.reason;
  await eventually(() => find() !== undefined);
  const reason = find();
  deployment.events.length = 0;
  return reason;
};

describe('a workload', () => {
  test.each(['nightly', 'sidecar', 'deploy', 'pipeline'] as const)(
    '%s proves itself with what its platform issued to it, and has no secret (R5, S2)',
    async (name) => {
      const { status, body } = await present(name, await tokens[name]());
      expect([status, body['token_type'], body['refresh_token']]).toEqual([200, 'Bearer', undefined]);
      expect(decodeJwt(String(body['access_token']))).toMatchObject({
        aud: deployment.resource,
        client_id: name,
        sub: expect.stringMatching(/^agt_/),
        human_present: false,
        agent_assurance: 'key-authenticated',
        scope: 'notes.read notes.write',
        roles: ['developer'],
      });
    },
  );

  test('may be meant for the token endpoint as well as for the issuer', async () => {
    expect((await present('nightly', await tokens.nightly({ aud: `${deployment.issuer}/token` }))).status).toBe(200);
  });

  const now = () => Math.floor(Date.now() / 1000);
  test.each<[string, keyof typeof tokens, () => Record<string, unknown>, string]>([
    ['another issuer', 'nightly', () => ({ iss: 'https://elsewhere.example' }), 'issuer'],
    ['no issuer', 'nightly', () => ({ iss: undefined }), 'issuer'],
    [
      'another trust domain',
      'sidecar',
      () => ({ sub: 'spiffe://acme.example.evil.example/ns/agents/sa/nightly' }),
      'issuer',
    ],
    [
      'another workload of the trust domain',
      'sidecar',
      () => ({ sub: 'spiffe://acme.example/ns/agents/sa/nightly/x' }),
      'conditions',
    ],
    ['another service account', 'nightly', () => ({ sub: 'system:serviceaccount:agents:other' }), 'conditions'],
    [
      'another namespace',
      'nightly',
      () => ({ 'kubernetes.io': { namespace: 'other', serviceaccount: { name: 'nightly' } } }),
      'conditions',
    ],
    ['another repository', 'deploy', () => ({ repository: 'acme/app2' }), 'conditions'],
    ['another environment', 'deploy', () => ({ environment: undefined }), 'conditions'],
    ['a branch the expression leaves out', 'deploy', () => ({ ref: 'refs/heads/feature' }), 'conditions'],
    ['nothing for the expression to look at', 'deploy', () => ({ ref: undefined }), 'conditions'],
    ['a claim of another type', 'pipeline', () => ({ ref_protected: true }), 'conditions'],
    ['another audience', 'nightly', () => ({ aud: ['https://kubernetes.default.svc'] }), 'audience'],
    ['our audience among others', 'nightly', () => ({ aud: [aud(), 'https://kubernetes.default.svc'] }), 'audience'],
    ['no audience', 'nightly', () => ({ aud: undefined }), 'audience'],
    ['an expiry in the past', 'nightly', () => ({ iat: now() - 400, exp: now() - 61 }), 'expired'],
    ['no expiry', 'nightly', () => ({ exp: undefined }), 'claims'],
    ['no beginning', 'nightly', () => ({ iat: undefined }), 'claims'],
    ['a lifetime that began a year ago', 'nightly', () => ({ iat: now() - 365 * 86_400 }), 'lives_too_long'],
    ['a lifetime of a year', 'nightly', () => ({ exp: now() + 365 * 86_400 }), 'lives_too_long'],
    [
      'a lifetime of a year and no beginning',
      'sidecar',
      () => ({ iat: undefined, exp: now() + 365 * 86_400 }),
      'lives_too_long',
    ],
    ['a beginning to come', 'nightly', () => ({ iat: now() + 120, exp: now() + 300 }), 'not_yet_valid'],
    ['a validity to come', 'nightly', () => ({ nbf: now() + 120 }), 'not_yet_valid'],
    ['no jti where a token is good once', 'deploy', () => ({ jti: undefined }), 'claims'],
  ])('with %s is nobody (R5)', async (_case, name, changes, reason) => {
    expect(await reasonFor(name, await present(name, await tokens[name](changes())))).toBe(`workload token: ${reason}`);
  });

  test('is not believed without the signature of its issuer, nor in a token of another kind (R5)', async () => {
    const [stranger, pss] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('PS256')]);
    const claims = { ...workloadTokens.kubernetes, aud: aud() };
    const [, body = '', signature = ''] = (await tokens.nightly()).split('.');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
    const symmetric = `${Buffer.from('{"alg":"HS256","kid":"key-1"}').toString('base64url')}.${body}.${signature}`;
    const attempts: [string, string][] = [
      [await platform.sign(claims, {}, stranger.privateKey), 'signature'],
      [await platform.sign(claims, { kid: 'unknown' }), 'unknown_key'],
      [await platform.sign(claims, { typ: 'at+jwt' }), 'type'],
      [await platform.sign(claims, { typ: 'oauth-id-jag+jwt' }), 'type'],
      [await platform.sign(claims, { alg: 'PS256' }, pss.privateKey), 'algorithm'],
      [none, 'algorithm'],
      [symmetric, 'algorithm'],
    ];
    for (const [token, reason] of attempts)
      expect(await reasonFor('nightly', await present('nightly', token))).toBe(`workload token: ${reason}`);
    expect((await present('nightly', `${none}${'A'.repeat(20_000)}`)).status).toBe(413);
  });

  test('is meant for what its issuer’s document says, where the platform cannot be asked for our address', async () => {
    await deployment.configure([
      issuer('cluster', { ...common, type: 'kubernetes', issuer: platform.url, audience: 'sallyport' }),
    ]);
    expect((await present('nightly', await tokens.nightly({ aud: 'sallyport' }))).status).toBe(200);
    expect(await reasonFor('nightly', await present('nightly', await tokens.nightly()))).toBe(
      'workload token: audience',
    );
    await deployment.configure([issuer('cluster', { ...common, type: 'kubernetes', issuer: platform.url })]);
  });

  test('of one agent is not another: neither its token at another client id, nor a client id that has no such identity (R5, S1)', async () => {
    expect((await present('pipeline', await tokens.nightly())).body['error']).toBe('invalid_client');
    expect((await present('orphan', await tokens.nightly())).body['error']).toBe('invalid_client');
    expect((await present('unknown', await tokens.nightly())).body['error']).toMatch(/^invalid_(client|request)$/);
    expect((await present('system:serviceaccount:agents:nightly', await tokens.nightly())).body['error']).toBe(
      'invalid_client',
    );
    const open = await TestAgent.register(deployment);
    expect((await present(open.clientId, await tokens.nightly())).status).toBeGreaterThanOrEqual(400);
  });

  test('whose conditions would fit any repository of a CI is nobody (R5)', async () => {
    expect(await reasonFor('vague', await present('vague', await tokens.deploy()))).toBe('workload token: conditions');
  });

  test('shows a token of a CI once, and a projected one until it expires, at several replicas at once too (R5, S8)', async () => {
    const replica = await deployment.startReplica({ sameIssuer: true });
    await eventually(() => replica.readiness().status === 'ready');
    try {
      const form = async (name: 'nightly' | 'deploy', token: string) =>
        new URLSearchParams({
          client_id: name,
          grant_type: 'client_credentials',
          resource: deployment.resource,
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: token,
        });
      for (const [name, accepted] of [
        ['deploy', 1],
        ['nightly', 12],
      ] as const) {
        const token = await tokens[name]();
        const statuses = await Promise.all(
          Array.from(
            { length: 12 },
            async (_, index) =>
              (
                await fetch(`${index % 2 === 0 ? deployment.issuer : replica.urls['listening']}/token`, {
                  method: 'POST',
                  body: await form(name, token),
                })
              ).status,
          ),
        );
        expect(statuses.filter((status) => status === 200)).toHaveLength(accepted);
      }
    } finally {
      await replica.close();
    }
  });

  test('cannot sign a human in, and gets no human’s token (R5, S1)', async () => {
    expect((await new TestAgent(deployment, 'nightly').open()).status).toBe(400);
    for (const grant_type of ['authorization_code', 'refresh_token'])
      expect(
        (await present('nightly', await tokens.nightly(), { grant_type, code: 'x', refresh_token: 'x' })).status,
      ).toBe(400);
    const { body } = await (await TestAgent.register(deployment)).connect();
    expect(await reasonFor('nightly', await present('nightly', String(body['access_token'])))).toBe(
      'workload token: type',
    );
    expect((await present('nightly', await tokens.nightly(), { client_secret: 'as-well' })).body['error']).toBe(
      'invalid_request',
    );
  });

  test('that was blocked gets nothing, and a document that is gone takes its agent along (S28)', async () => {
    await deployment.revoke({ type: 'agent', clientId: 'sidecar' }, Number.MAX_SAFE_INTEGER);
    expect((await present('sidecar', await tokens.sidecar())).body['error']).toBe('invalid_grant');
    await deployment.configure([], [{ kind: 'WorkloadIssuer', name: 'gitlab' }]);
    expect(await reasonFor('pipeline', await present('pipeline', await tokens.pipeline()))).toBe(
      'workload token: issuer',
    );
  });
});
