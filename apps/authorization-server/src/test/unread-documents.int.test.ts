import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { RunningService } from '@sallyport/process';
import { eventually } from '@sallyport/testing';
import { createTestAuthority, startHttpsServer, type TestHttpsServer } from '@sallyport/testing/servers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

interface Answer {
  readonly status?: number;
  readonly body: unknown;
}

let deployment: TestDeployment;
let documents: TestHttpsServer;
let served: Record<string, Answer> = {};

beforeAll(async () => {
  const authority = await createTestAuthority();
  documents = await startHttpsServer(
    authority,
    (request, response) => {
      const { status, body } = served[request.url ?? ''] ?? { status: 404, body: {} };
      response
        .writeHead(status ?? 200, { 'content-type': 'application/json' })
        .end(typeof body === 'string' ? body : JSON.stringify(body));
    },
    { host: '127.0.0.1' },
  );
  deployment = await startTestDeployment({ extraCertificateAuthorities: [authority.certificate] });
  const ports = [Number(new URL(deployment.provider.issuer).port), documents.port];
  await deployment.configure([
    { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', ports, http: true }] } },
  ]);
});
afterAll(async () => {
  await deployment.close();
  await documents.close();
});
beforeEach(() => {
  served = {};
});

const serve = (path: string, changes: Record<string, unknown> = {}): string => {
  const clientId = `${documents.origin}${path}`;
  served[path] = {
    body: {
      client_id: clientId,
      client_name: 'Documented agent',
      redirect_uris: ['http://127.0.0.1:33418/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
      ...changes,
    },
  };
  return clientId;
};
/** One that has not seen any document yet. */
const startReplica = async (): Promise<RunningService> => {
  const replica = await deployment.startReplica();
  await deployment.configure([]);
  await eventually(() => replica.readiness().status === 'ready');
  return replica;
};

describe('client ID metadata documents', () => {
  const refreshAt = async (
    replica: RunningService,
    agent: TestAgent,
    token: unknown,
    changes: Record<string, string> = {},
  ) => new TestAgent({ ...deployment, issuer: replica.urls['issuer'] ?? '' }, agent.clientId).refresh(token, changes);

  test.each([
    ['fails', { status: 503 }],
    ['takes us for a robot', { status: 403 }],
    ['answers a page of its own', { body: '<h1>Maintenance</h1>' }],
  ])(
    'that cannot be read because their host %s end no grant, and are asked for again (B4, R19)',
    async (what, failure) => {
      const path = `/hosted-${what.replaceAll(' ', '-')}.json`;
      const agent = new TestAgent(deployment, serve(path));
      const { body } = await agent.connect();
      const served200 = served[path];
      served[path] = { body: {}, ...failure };
      const replica = await startReplica(); // it never read the document
      try {
        const issuer = replica.urls['issuer'] ?? '';
        const refused = await refreshAt(replica, agent, body['refresh_token']);
        expect([refused.status, refused.body, refused.headers.get('retry-after')]).toEqual([
          503,
          {
            error: 'temporarily_unavailable',
            error_description: 'what this client publishes about itself cannot be read now: try again later',
          },
          '30',
        ]);
        const revoked = await fetch(`${issuer}/revoke`, {
          method: 'POST',
          body: new URLSearchParams({ client_id: agent.clientId, token: String(body['refresh_token']) }),
        });
        expect([revoked.status, revoked.headers.get('retry-after')]).toEqual([503, '30']);
        const page = await new TestAgent({ ...deployment, issuer }, agent.clientId).open();
        expect([
          page.status,
          page.headers.get('retry-after'),
          page.html.includes(
            'What this agent publishes about itself cannot be read just now. Nothing was granted; try again in a minute.',
          ),
        ]).toEqual([503, '30', true]);
        expect((await agent.refresh(body['refresh_token'])).status).toBe(200); // who read it goes on
        served[path] = served200 ?? expect.fail('nothing served');
        const after = await startReplica();
        expect(
          (await refreshAt(after, agent, (await agent.refresh(body['refresh_token'])).body['refresh_token'])).status,
        ).toBe(200);
        await after.close();
      } finally {
        await replica.close();
      }
    },
  );

  test.each([404, 410])('that their host answers %i for are no more: the client is unknown (R19)', async (status) => {
    const agent = new TestAgent(deployment, serve(`/gone-${status}.json`));
    const { body } = await agent.connect();
    served[`/gone-${status}.json`] = { status, body: {} };
    const replica = await startReplica();
    const refused = await refreshAt(replica, agent, body['refresh_token']);
    await replica.close();
    expect(refused.body['error']).toBe('invalid_client');
  });

  test('whose keys cannot be read leave open who signed; keys that say otherwise do not (B4, S2)', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }] };
    const clientId = serve('/signing.json', {
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks_uri: `${documents.origin}/signing-keys.json`,
    });
    const keys = (answer: Answer) => void (served['/signing-keys.json'] = answer);
    keys({ body: jwks });
    const agent = new TestAgent(deployment, clientId);
    const proof = async ({ key = privateKey, audience = deployment.issuer } = {}) => ({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await new SignJWT({ jti: crypto.randomUUID() })
        .setProtectedHeader({ alg: 'ES256', kid: 'k' })
        .setIssuer(clientId)
        .setSubject(clientId)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(key),
    });
    const { body } = await agent.redeem((await agent.authorize()).get('code'), await proof());
    keys({ status: 502, body: {} });
    const replica = await startReplica();
    const open = await refreshAt(
      replica,
      agent,
      body['refresh_token'],
      await proof({ audience: replica.urls['issuer'] ?? '' }),
    );
    const wrong = await agent.refresh(
      body['refresh_token'],
      await proof({ key: (await generateKeyPair('ES256')).privateKey }),
    );
    await replica.close();
    expect([
      open.status,
      open.body['error'],
      open.headers.get('retry-after'),
      open.headers.get('www-authenticate'),
    ]).toEqual([503, 'temporarily_unavailable', '30', null]);
    expect([wrong.status, wrong.body['error']]).toEqual([401, 'invalid_client']);
    expect((await agent.refresh(body['refresh_token'], await proof())).status).toBe(200);
  });

  test('that cannot be read in the middle of an authorization are waited for (B32)', async () => {
    const agent = new TestAgent(deployment, serve('/interrupted.json'));
    const consent = await agent.press(await agent.open(), /^Continue with/);
    served['/interrupted.json'] = { status: 503, body: {} };
    const replica = await startReplica();
    const page = await agent.browser.open(new URL(consent.url.pathname, replica.urls['issuer']), agent.redirectUri);
    await replica.close();
    expect([page.status, page.html.includes('cannot be read just now'), page.html.includes('>Try again</a>')]).toEqual([
      503,
      true,
      true,
    ]);
  });
});
