import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationReplica } from '@sallyport/configuration';
import { ensureDeploymentKeys, loadVerifyingKey } from '@sallyport/keys';
import type { DeploymentKeyFiles } from '@sallyport/keys';
import { createNatsMessaging } from '@sallyport/messaging';
import type { Messaging } from '@sallyport/messaging';
import {
  eventually,
  findSecrets,
  freePort,
  makeScratch,
  removeScratch,
  spawnApp,
  startPrivateNats,
  startTestPostgres,
} from '@sallyport/testing';
import type { PrivateNats, SpawnedApp, TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const FILE = `
kind: TrustProvider
name: demo
spec: { issuer: https://idp.example, clientId: sallyport, clientSecret: { env: SALLYPORT_IDP_SECRET } }
---
kind: McpServer
name: notes
spec: { url: https://notes.example/mcp }
`;
const ADMIN_TOKEN = 'sp_admin_test_0123456789abcdefghijklmnop';

describe('the control plane as a process on NATS', () => {
  let directory: string;
  let keys: DeploymentKeyFiles;
  let postgres: TestPostgres;
  let nats: PrivateNats;
  let app: SpawnedApp;
  let env: Record<string, string>;
  const closers: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    directory = makeScratch('main');
    keys = await ensureDeploymentKeys(join(directory, 'keys'), { gateways: ['gateway-1'] });
    [postgres, nats] = await Promise.all([startTestPostgres(), startPrivateNats()]);
    const port = await freePort();
    writeFileSync(join(directory, 'sallyport.yaml'), FILE);
    writeFileSync(join(directory, 'admin-token'), ADMIN_TOKEN, { mode: 0o600 });
    env = {
      DATABASE_URL: postgres.url,
      NATS_URL: nats.url,
      SALLYPORT_PORT: String(port),
      SALLYPORT_CONTROL_PLANE_URL: `http://127.0.0.1:${port}`,
      SALLYPORT_HEALTH_PORT: String(await freePort()),
      SALLYPORT_ADMIN_TOKEN_FILE: join(directory, 'admin-token'),
      SALLYPORT_CONFIGURATION_FILE: join(directory, 'sallyport.yaml'),
      SALLYPORT_IDP_SECRET: 'hunter2-of-the-provider',
      https_proxy: 'http://ada:hunter2-of-the-proxy@proxy.example:3128',
      NO_PROXY: '.svc,10.0.0.*',
      SALLYPORT_MASTER_KEY_FILE: keys.master,
      SALLYPORT_CONFIGURATION_SIGNING_KEY_FILE: keys.configurationSigning,
      SALLYPORT_LEASE_KEY_FILE: keys.lease,
      SALLYPORT_LEASE_SIGNING_KEY_FILE: keys.leaseSigning,
      SALLYPORT_ENROLLED_GATEWAYS: keys.gateways,
    };
    app = await spawnApp({ entry: 'apps/control-plane/dist/main.js', env, readyPattern: /"msg":"running"/ });
  });
  afterAll(async () => {
    for (const close of closers.toReversed()) await close();
    await app.stop();
    await nats.stop();
    await postgres.stop();
    removeScratch(directory);
  });

  async function follow(name: string): Promise<ConfigurationReplica> {
    const bus: Messaging = await createNatsMessaging({ servers: [nats.url], name, role: 'gateway' });
    const replica = new ConfigurationReplica({
      log: bus.configuration,
      verifyKey: (await loadVerifyingKey(keys.configurationSigningPublic)).publicKey,
    });
    closers.push(
      () => bus.close(),
      () => replica.stop(),
    );
    await replica.start();
    await replica.whenReady(10_000);
    return replica;
  }
  const revoke = (clientId: string) =>
    fetch(`${env['SALLYPORT_CONTROL_PLANE_URL']}/v1/revocations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ agent: clientId }),
    });
  const isRevoked = (replica: ConfigurationReplica, clientId: string) =>
    replica
      .snapshot()
      .revocations.isRevoked({ userId: 'usr_a', clientId, sid: 'ses_a', issuedAt: Math.floor(Date.now() / 1000) - 10 });

  it('takes a revocation to every replica within a second (R81) (S28)', async () => {
    const replicas = await Promise.all([follow('gateway-1'), follow('gateway-2')]);
    const started = performance.now();
    expect((await revoke('agent-1')).status).toBe(201);
    await eventually(() => replicas.every((replica) => isRevoked(replica, 'agent-1')));
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('rebuilds a lost stream from PostgreSQL: a replica that starts then knows everything, one that ran goes on (S27) (S28)', async () => {
    const running = await follow('gateway-3');
    await nats.kill();
    nats.forget();
    await nats.restart();
    const restarted = performance.now();
    const late = await follow('gateway-4');
    expect(performance.now() - restarted).toBeLessThan(5_000);
    expect(isRevoked(late, 'agent-1')).toBe(true);
    expect(late.snapshot().epoch).toBe(running.snapshot().epoch);
    await eventually(async () => (await revoke('agent-2')).status === 201, { timeoutMs: 10_000 });
    await eventually(() => isRevoked(running, 'agent-2') && isRevoked(late, 'agent-2'), { timeoutMs: 10_000 });
  });

  it('says once at its start which proxy it goes through, and for what (B32)', () => {
    const lines = app
      .stdout()
      .split('\n')
      .filter((line) => /go through a proxy|NO_PROXY/.test(line));
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      msg: 'calls to the outside go through a proxy',
      https: 'http://proxy.example:3128',
      http: 'called directly',
      directly: 'this machine, our own services, .svc, 10.0.0.*',
      unresolvedNames: 'refused',
    });
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ entries: '10.0.0.*' });
  });

  it('writes no secret anywhere it writes (S30)', () => {
    expect(
      findSecrets(
        { output: app.output() },
        { provider: 'hunter2-of-the-provider', proxy: 'hunter2-of-the-proxy', administrator: ADMIN_TOKEN },
      ),
    ).toEqual([]);
  });

  it.each([
    [
      'a proxy that is none',
      { https_proxy: 'socks5://ada:hunter2-of-the-proxy@proxy.example:1080' },
      'https_proxy: must be a proxy such as http://proxy.example:3128, by http or https and without a path',
    ],
    [
      'a setting it does not know',
      { SALLYPORT_PROT: '1' },
      'SALLYPORT_PROT is not a setting of this process (did you mean SALLYPORT_PORT?)',
    ],
    [
      'a secret that is not set',
      { SALLYPORT_IDP_SECRET: '' },
      'sallyport.yaml:4:59: TrustProvider "demo": spec.clientSecret: the environment variable SALLYPORT_IDP_SECRET is not set: set it',
    ],
    [
      'an administrator token that is none',
      { SALLYPORT_ADMIN_TOKEN_FILE: '/dev/null' },
      'must hold at least 32 characters',
    ],
  ])('does not start with %s, and says so', async (_, part, message) => {
    await expect(
      spawnApp({
        entry: 'apps/control-plane/dist/main.js',
        env: { ...env, SALLYPORT_PORT: '0', SALLYPORT_HEALTH_PORT: '0', ...part },
        readyPattern: /"msg":"running"/,
      }),
    ).rejects.toThrow(message);
  });
});
