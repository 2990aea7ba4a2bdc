import { createServer } from 'node:http';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey } from 'jose';
import { signLogEntry, splitBase } from '@sallyport/configuration/log';
import type { Document } from '@sallyport/configuration';
import type { Revocation } from '@sallyport/configuration/log';
import { MemorySeenNonces, openLeaseRequest, sealLeaseAnswer, sealTokenRefusal } from '@sallyport/lease';
import type { RunningService } from '@sallyport/process';
import { newId } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadDecryptionKey, loadEnrolledKeys, loadSigningKey } from '@sallyport/keys';
import { EndMcpSessions, ListEndedMcpSessions, subjects } from '@sallyport/messages';
import type { AuditRecord, CallRecord, LifecycleRecord, LeaseOutcome, LeaseRequest } from '@sallyport/messages';
import { ContentRecord } from '@sallyport/messages/content';
import { createInProcessMessaging, serveAll } from '@sallyport/messaging';
import { createLogger } from '@sallyport/telemetry';
import { freePort, makeScratch, removeScratch } from '@sallyport/testing';
import { startGateway } from '../../index.js';
import type { GatewayAdapters, GatewayConfig } from '../../index.js';

export interface TestUser {
  readonly userId: string;
  readonly sid: string;
  readonly subject: string;
}
export const testUser = (subject: string): TestUser => ({ userId: newId('usr'), sid: newId('ses'), subject });

export type Leasing = (
  request: LeaseRequest,
  user: { userId: string; clientId: string; sid: string },
) => LeaseOutcome | { readonly type: 'token_refused' };

export interface GatewayWorld {
  readonly url: string;
  readonly gateway: RunningService;
  readonly issuer: string;
  readonly records: CallRecord[];
  /** Definitions of tools that were seen. */
  readonly toolsListed: LifecycleRecord[];
  /** Refusals that were summed up. */
  readonly eventsSummed: LifecycleRecord[];
  /** What calls were asked with and answered, where policies say so. */
  readonly contents: ContentRecord[];
  readonly leaseRequests: LeaseRequest[];
  readonly log: () => string;
  readonly messaging: ReturnType<typeof createInProcessMessaging>;
  /** Changed by tests; asked for each lease. */
  leasing: Leasing;
  token(user: TestUser, claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** Of which user the control plane keeps no more ends of sessions; it answers when `ending` resolves. */
  fullOf: string | undefined;
  ending: Promise<unknown>;
  /** A change set with these; resolves when it was sent. */
  change(change: {
    puts?: Document[];
    deletes?: { kind: string; name: string }[];
    revocations?: Revocation[];
  }): Promise<void>;
  /** The control plane falls silent: no more heartbeats. */
  silence(): void;
  readonly spoolDirectory: string;
  /** How far the gateway's clock is ahead, and since when it stands still: what fills again with time does not. */
  readonly clock: { aheadMs: number; stoppedAt: number | undefined };
  /** Another replica on the same bus and keys. */
  startReplica(
    name: string,
    changed?: Partial<GatewayAdapters>,
    configured?: Partial<GatewayConfig>,
  ): Promise<RunningService>;
  close(): Promise<void>;
}

const replicas = ['gateway-1', 'gateway-2', 'gateway-3'];

/**
 * A gateway with everything round it that it cannot do without: a bus, a configuration log, an issuer, a control plane.
 */
export async function startGatewayWorld(
  documents: readonly Document[],
  overrides: Partial<GatewayConfig> = {},
  further: Pick<GatewayAdapters, 'files' | 'metrics'> = {},
): Promise<GatewayWorld> {
  const directory = makeScratch('gateway');
  const files = await ensureDeploymentKeys(join(directory, 'keys'), { gateways: replicas });
  const messaging = createInProcessMessaging();
  const lines: string[] = [];
  const logger = createLogger({
    name: 'gateway',
    level: 'debug',
    destination: { write: (line: string) => void lines.push(line) },
  });

  const issuerKeys = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(issuerKeys.publicKey)), kid: 'at-1', alg: 'ES256', use: 'sig' };
  const issuerServer = createServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [jwk] })),
  );
  await new Promise<void>((resolve) => issuerServer.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(issuerServer.address() as AddressInfo).port}`;

  const [configurationKey, leaseKey, leaseSigning] = await Promise.all([
    loadSigningKey(files.configurationSigning),
    loadDecryptionKey(files.lease),
    loadSigningKey(files.leaseSigning),
  ]);
  const epoch = 'epoch-1';
  let revision = 1;
  const sign = (entry: Parameters<typeof signLogEntry>[0]) => signLogEntry(entry, configurationKey.privateKey);
  const change: GatewayWorld['change'] = async ({ puts = [], deletes = [], revocations = [] }) => {
    revision += 1;
    await messaging.configuration.appendChange(
      revision,
      await sign({ v: 1, type: 'change', epoch, revision, puts, deletes, revocations }),
    );
  };
  const beat = async () =>
    messaging.configuration.heartbeat(await sign({ v: 1, type: 'heartbeat', epoch, revision, issuedAt: Date.now() }));
  await messaging.configuration.appendBase(
    revision,
    await Promise.all(splitBase({ epoch, revision, documents, revocations: [] }).map(sign)),
  );
  const heart = setInterval(() => void beat(), 200);

  const records: CallRecord[] = [];
  const toolsListed: LifecycleRecord[] = [];
  const eventsSummed: LifecycleRecord[] = [];
  const contents: ContentRecord[] = [];
  const stopEvents = await messaging.events.consume(async (batches) => {
    for (const record of batches.flatMap((batch) => batch.records) as AuditRecord[]) {
      if (record.type === 'mcp.call') records.push(record);
      else if (record.type === 'mcp.content') contents.push(ContentRecord.parse(record));
      else if (record.type === 'events.summed') eventsSummed.push(record);
      else toolsListed.push(record);
    }
  });
  const leaseRequests: LeaseRequest[] = [];
  const clock: GatewayWorld['clock'] = { aheadMs: 0, stoppedAt: undefined };
  const responderKeys = {
    enrolledKeys: loadEnrolledKeys(files.gateways),
    leasePrivateKey: leaseKey.privateKey,
    clock: Date.now,
    seenNonces: new MemorySeenNonces(),
  };
  const ended: [id: string, expiresAt: number][] = [];
  const stopServing = await serveAll(messaging, {
    [subjects.lease]: async (wire) => {
      const opened = await openLeaseRequest(wire, responderKeys);
      if (!opened.ok) return { refused: opened.reason };
      leaseRequests.push(opened.request);
      const claims = JSON.parse(Buffer.from(opened.token.split('.')[1] ?? '', 'base64url').toString()) as {
        sub: string;
        client_id: string;
        sid: string;
      };
      const subject = { userId: claims.sub, clientId: claims.client_id, sid: claims.sid };
      const outcome = world.leasing(opened.request, subject);
      if (outcome.type === 'token_refused') return sealTokenRefusal(opened, leaseSigning);
      return sealLeaseAnswer(outcome, opened, { ...subject, policyRevision: revision }, leaseSigning);
    },
    [subjects.endMcpSessions]: async (payload) => {
      await world.ending;
      const before = ended.length;
      const { ends } = EndMcpSessions.parse(payload);
      ended.push(
        ...ends
          .filter(({ userId }) => userId !== world.fullOf)
          .map(({ id, expiresAt }): [string, number] => [id, expiresAt]),
      );
      await messaging.broadcast.publish(subjects.mcpSessionsEnded, {
        v: 1,
        after: before,
        upTo: ended.length,
        ends: ended.slice(before),
      });
      return {
        v: 1,
        full: ends
          .filter(({ userId }) => userId === world.fullOf)
          .map(({ id }) => ({ id, until: Math.floor(Date.now() / 1000) + 3_600 })),
      };
    },
    [subjects.listEndedMcpSessions]: (payload) => {
      const { after } = ListEndedMcpSessions.parse(payload);
      return { v: 1, ends: ended.slice(after), upTo: ended.length, isLast: true };
    },
  });

  const configOf = (replica: string, gatewayUrl: string, port: number): GatewayConfig => ({
    replica,
    listen: { host: '127.0.0.1', port },
    gatewayUrl,
    issuer,
    jwksUrl: `${issuer}/jwks`,
    trustedProxies: [],
    allowedOrigins: [],
    keys: {
      configurationPublicKey: files.configurationSigningPublic,
      leasePublicKey: files.leasePublic,
      leaseSigningPublicKey: files.leaseSigningPublic,
      replicaKey: files.gatewayKey(replica),
      gatewayState: [files.gatewayState],
    },
    spoolDirectory: join(directory, 'spool', replica),
    spoolMaxBytes: 64 * 1024 * 1024,
    stalenessBoundMs: 10_000,
    maxBodyBytes: 1024 * 1024,
    maxUserBytes: 64 * 1024 * 1024,
    maxBytesInFlight: 512 * 1024 * 1024,
    maxConnections: 10_000,
    maxAnswerBytes: 128 * 1024 * 1024,
    isWarmPathOn: true,
    listTimeoutMs: 1_000,
    listPageLength: 1024 * 1024,
    leaseTimeoutMs: 2_000,
    extraCertificateAuthorities: [],
    ...overrides,
  });
  const gatewayUrl = `http://127.0.0.1:${await freePort()}`;
  const adapters = {
    messaging,
    logger,
    clock: () => (clock.stoppedAt ?? Date.now()) + clock.aheadMs,
    ...further,
  };
  const gateway = await startGateway(configOf('gateway-1', gatewayUrl, Number(new URL(gatewayUrl).port)), adapters);
  const others: RunningService[] = [];
  const waitsFor = () => gateway.readiness().reasons.filter((reason) => !reason.startsWith('the event spool refuses'));
  for (let i = 0; waitsFor().length > 0; i++) {
    if (i > 200) throw new Error(`the gateway did not become ready: ${gateway.readiness().reasons.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }

  const world: GatewayWorld = {
    url: `${gatewayUrl}/mcp`,
    gateway,
    issuer,
    records,
    toolsListed,
    eventsSummed,
    contents,
    leaseRequests,
    messaging,
    change,
    log: () => lines.join(''),
    leasing: () => ({ type: 'refused', reason: 'no_gateway_to_server_policy' }),
    fullOf: undefined,
    ending: Promise.resolve(),
    token: (user, claims = {}, header = {}) =>
      signToken(issuerKeys.privateKey, issuer, `${gatewayUrl}/mcp`, user, claims, header),
    silence: () => clearInterval(heart),
    clock,
    spoolDirectory: overrides.spoolDirectory ?? join(directory, 'spool', 'gateway-1'),
    async startReplica(name, changed = {}, configured = {}) {
      const port = await freePort();
      const other = await startGateway(
        { ...configOf(name, `http://127.0.0.1:${port}`, port), ...configured },
        { ...adapters, ...changed },
      );
      others.push(other);
      return other;
    },
    async close() {
      clearInterval(heart);
      for (const service of [...others, gateway]) await service.close();
      await stopServing();
      await stopEvents();
      await messaging.close();
      await new Promise((resolve) => issuerServer.close(resolve));
      removeScratch(directory);
    },
  };
  return world;
}

function signToken(
  key: CryptoKey,
  issuer: string,
  audience: string,
  user: TestUser,
  claims: Record<string, unknown>,
  header: Record<string, unknown>,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({
    iss: issuer,
    aud: audience,
    sub: user.userId,
    sid: user.sid,
    client_id: 'https://agent.example/client.json',
    scope: 'notes.read',
    roles: ['reader'],
    groups: [],
    auth_time: now,
    amr: ['pwd'],
    idp: 'demo',
    idp_sub: user.subject,
    agent_name: 'Test agent',
    agent_assurance: 'asserted',
    iat: now,
    exp: now + 900,
    jti: newId('tkt'),
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'at-1', ...header })
    .sign(key);
}
