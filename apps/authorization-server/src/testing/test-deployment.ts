import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Document } from '@sallyport/configuration';
import { signLogEntry, splitBase, type Revocation } from '@sallyport/configuration/log';
import { connectDatabase, type Database } from '@sallyport/database';
import type { RunningService } from '@sallyport/process';
import { Secret } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadMasterKey, loadSigningKey, Sealer } from '@sallyport/keys';
import type { LifecycleRecord } from '@sallyport/messages';
import { createInProcessMessaging, type Messaging } from '@sallyport/messaging';
import { createLogger } from '@sallyport/telemetry';
import type { CryptoKey } from 'jose';
import {
  eventually,
  freePort,
  makeScratch,
  removeScratch,
  startTestPostgres,
  type TestPostgres,
} from '@sallyport/testing';
import type { AuthorizationServerConfig } from '../config.js';
import { startAuthorizationServer } from '../start-authorization-server.js';
import { startTestIdentityProvider, type TestIdentityProvider } from './test-identity-provider.js';

export interface TestDeployment {
  readonly issuer: string;
  readonly resource: string;
  readonly database: Database;
  readonly sealer: Sealer;
  readonly provider: TestIdentityProvider;
  readonly config: AuthorizationServerConfig;
  readonly events: LifecycleRecord[];
  readonly logLines: string[];
  readonly service: RunningService;
  /** The bus, and the key the control plane signs configuration and commands with. */
  readonly messaging: Messaging;
  readonly controlPlaneKey: CryptoKey;
  /** Puts documents in force, replacing those of the same kind and name. */
  configure(puts: readonly Document[], deletes?: readonly { kind: string; name: string }[]): Promise<void>;
  revoke(subject: Revocation['subject'], notBefore?: number): Promise<void>;
  /**
   * One more replica on the same database; behind one address with the first (then call `urls.listening`), or an issuer
   * of its own.
   */
  startReplica(options?: {
    sameIssuer: boolean;
    changes?: Partial<AuthorizationServerConfig>;
  }): Promise<RunningService>;
  close(): Promise<void>;
}

/**
 * A real server on a real database and the in-process bus, with a signed configuration and an identity provider.
 * @param options `postgres`: a server of its own, for tests in which it is away
 */
export async function startTestDeployment(
  changes: Partial<AuthorizationServerConfig> = {},
  options: { postgres?: Promise<TestPostgres> } = {},
): Promise<TestDeployment> {
  const scratch = makeScratch('authorization');
  const [postgres, provider, files, port] = await Promise.all([
    options.postgres ?? startTestPostgres(),
    startTestIdentityProvider(),
    ensureDeploymentKeys(join(scratch, 'keys'), { gateways: [] }),
    freePort(),
  ]);
  const database = connectDatabase(postgres.url);
  const sealer = new Sealer(loadMasterKey(files.master));
  const secretName = 'TrustProvider/test/clientSecret';
  await database.storedSecret.create({
    data: {
      name: secretName,
      sealed: Uint8Array.from(sealer.seal('stored-secret', provider.clientSecret, secretName)),
    },
  });

  const messaging = createInProcessMessaging();
  const events: LifecycleRecord[] = [];
  await messaging.events.consume((batches) => {
    // As the store does: what comes again under its id is the same event.
    for (const record of batches.flatMap(({ records }) => records) as LifecycleRecord[])
      if (!events.some(({ id }) => id === record.id)) events.push(record);
    return Promise.resolve();
  });
  const { privateKey } = await loadSigningKey(files.configurationSigning);
  const epoch = randomBytes(8).toString('hex');
  let revision = 1;
  const heartbeat = async () =>
    messaging.configuration.heartbeat(
      await signLogEntry({ v: 1, type: 'heartbeat', epoch, revision, issuedAt: Date.now() }, privateKey),
    );
  const chunks = splitBase({ epoch, revision, documents: baseDocuments(provider), revocations: [] });
  await messaging.configuration.appendBase(
    revision,
    await Promise.all(chunks.map((chunk) => signLogEntry(chunk, privateKey))),
  );

  const config: AuthorizationServerConfig = {
    issuer: `http://127.0.0.1:${port}`,
    gatewayUrl: 'http://127.0.0.1:7400',
    controlPlaneUrl: 'http://127.0.0.1:7402',
    host: '127.0.0.1',
    port,
    databaseUrl: new Secret(postgres.url),
    masterKeyFile: files.master,
    configurationVerifyKeyFile: files.configurationSigningPublic,
    replica: 'authorization-server',
    stalenessBoundMs: 300_000,
    maxConnections: 10_000,
    trustedProxies: [],
    allowedOrigins: [],
    extraCertificateAuthorities: [],
    ...changes,
  };
  const logLines: string[] = [];
  const logger = createLogger({
    name: 'test',
    level: 'info',
    destination: { write: (line: string) => void logLines.push(line) },
  });
  const service = await startAuthorizationServer(config, { messaging, logger, database });
  await heartbeat();
  await eventually(() => service.readiness().status === 'ready', { until: 'the authorization server is ready' });

  const append = async (change: {
    puts?: readonly Document[];
    deletes?: readonly { kind: string; name: string }[];
    revocations?: readonly Revocation[];
  }) => {
    revision += 1;
    await messaging.configuration.appendChange(
      revision,
      await signLogEntry(
        {
          v: 1,
          type: 'change',
          epoch,
          revision,
          puts: [...(change.puts ?? [])],
          deletes: [...(change.deletes ?? [])],
          revocations: [...(change.revocations ?? [])],
        },
        privateKey,
      ),
    );
    await heartbeat();
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  return {
    issuer: config.issuer,
    resource: `${config.gatewayUrl}/mcp`,
    database,
    sealer,
    provider,
    config,
    events,
    logLines,
    service,
    messaging,
    controlPlaneKey: privateKey,
    configure: (puts, deletes) => append({ puts, ...(deletes ? { deletes } : {}) }),
    revoke: (subject, notBefore = Math.floor(Date.now() / 1000) + 1) =>
      append({ revocations: [{ id: `rev_${revision}`, subject, notBefore, expiresAt: null }] }),
    startReplica: async ({ sameIssuer, changes: own = {} } = { sameIssuer: false }) => {
      const other = await freePort();
      const url = `http://127.0.0.1:${other}`;
      return startAuthorizationServer(
        { ...config, ...own, port: other, ...(sameIssuer ? { internalUrls: [url] } : { issuer: url }) },
        { messaging, logger, database },
      );
    },
    async close() {
      await service.close();
      await messaging.close();
      await provider.close();
      await database.$disconnect();
      await postgres.stop();
      removeScratch(scratch);
    },
  };
}

function baseDocuments(provider: TestIdentityProvider): Document[] {
  const claims = { subject: 'sub', email: 'email', name: 'name', groups: 'groups' };
  return [
    {
      kind: 'TrustProvider',
      name: 'test',
      spec: {
        displayName: 'Test provider',
        issuer: provider.issuer,
        clientId: 'sallyport',
        clientSecret: { env: 'UNUSED' },
        scopes: ['openid', 'profile', 'email'],
        claims,
      },
    },
    {
      kind: 'Role',
      name: 'developer',
      spec: { scopes: ['notes.read', 'notes.write'], members: [{ trustProvider: 'test', groups: ['engineering'] }] },
    },
    {
      kind: 'Role',
      name: 'admin',
      spec: { scopes: ['notes.admin'], members: [{ trustProvider: 'test', groups: ['admins'] }] },
    },
    { kind: 'McpServer', name: 'notes', spec: { title: 'Notes', url: 'http://127.0.0.1:7410/mcp', timeout: '60s' } },
    { kind: 'CredentialProvider', name: 'notes-per-user', spec: { type: 'mcp-user-oauth', server: 'notes' } },
    { kind: 'AccessPolicy', name: 'employees', spec: { hop: 'client-to-gateway', trustProviders: ['test'] } },
    {
      kind: 'AccessPolicy',
      name: 'notes',
      spec: {
        hop: 'gateway-to-server',
        server: 'notes',
        credentialProvider: 'notes-per-user',
        tools: [
          { match: ['list_*'], scope: 'notes.read' },
          { match: ['add_*'], scope: 'notes.write' },
        ],
        resources: [],
        prompts: [],
      },
    },
    {
      kind: 'ClientRegistration',
      name: 'default',
      spec: {
        metadataDocuments: { enabled: true, allowedHosts: ['*'], deniedHosts: [] },
        dynamic: { mode: 'open', redirectHosts: ['127.0.0.1', '[::1]', 'localhost'] },
      },
    },
    {
      kind: 'OutboundNetwork',
      name: 'default',
      spec: { allow: [{ host: '127.0.0.1', ports: [Number(new URL(provider.issuer).port)], http: true }] },
    },
  ];
}
