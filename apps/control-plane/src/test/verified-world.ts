import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { createAdminClient, type AdminClient, type VerifyStep } from '@sallyport/admin-api';
import { ConfigurationReplica } from '@sallyport/configuration';
import { connectDatabase, type Database } from '@sallyport/database';
import { Secret } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadVerifyingKey } from '@sallyport/keys';
import { createInProcessMessaging, type BusRole, type Messaging } from '@sallyport/messaging';
import {
  reportReplica,
  startService,
  type Readiness,
  type ReportOptions,
  type RunningService,
} from '@sallyport/process';
import { createLogger } from '@sallyport/telemetry';
import { freePort, makeScratch, removeScratch, startPrivatePostgres, type PrivatePostgres } from '@sallyport/testing';
import type { ControlPlaneConfig } from '../config.js';
import { startControlPlane } from '../start-control-plane.js';
import { ADMIN_TOKEN, testConfig } from './test-config.js';

const logger = createLogger({ name: 'test', level: 'fatal' });
export const KID = 'the-active-key';

/** What a public address of ours answers; a test replaces one of them, and puts it back. */
export interface OurAnswers {
  metadata: RequestListener;
  keys: RequestListener;
  page: RequestListener;
  call: RequestListener;
  resource: RequestListener;
}

export const json =
  (value: object, status = 200, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
export const text =
  (body: string, status = 200, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': 'text/html', ...headers }).end(body);

/** A deployment as its control plane sees it: the other processes report, and answer at their public addresses. */
export interface VerifiedWorld {
  readonly ours: OurAnswers;
  readonly answersAsMeant: () => OurAnswers;
  readonly issuer: string;
  readonly gatewayUrl: string;
  readonly directory: string;
  readonly postgres: PrivatePostgres;
  readonly database: Database;
  readonly client: AdminClient;
  /** The bus, as the control plane has it; `bus.isUp` is what it says of its connection. */
  readonly bus: { isUp: boolean };
  readonly time: { offByMs: number };
  /** The bus itself, as any process may use it. */
  readonly messaging: Messaging;
  startReplica(
    role: BusRole,
    name: string,
    options?: Partial<ReportOptions> & { readonly readiness?: Readiness },
  ): Promise<RunningService>;
  /** The steps about one subject that did not pass. */
  verify(subject?: RegExp): Promise<readonly VerifyStep[]>;
  close(): Promise<void>;
}

export async function startVerifiedWorld(
  declaration: string,
  secretVariables: Readonly<Record<string, string>> = {},
  changes: Partial<ControlPlaneConfig> = {},
): Promise<VerifiedWorld> {
  const directory = makeScratch('verify');
  const closers: (() => Promise<void>)[] = [async () => removeScratch(directory)];
  const [postgres, keys] = await Promise.all([
    startPrivatePostgres(),
    ensureDeploymentKeys(join(directory, 'keys'), { gateways: ['gw-1'] }),
  ]);
  closers.push(() => postgres.stop());
  const database = connectDatabase(postgres.url);
  closers.push(() => database.$disconnect());
  await activateSigningKey(database);

  const ours = {} as OurAnswers;
  const [authorizationServer, gateway] = await Promise.all([
    serve(authorizationRoutes(ours)),
    serve(gatewayRoutes(ours)),
  ]);
  closers.push(authorizationServer.close, gateway.close);
  const [issuer, gatewayUrl] = [authorizationServer.origin, gateway.origin];
  const answersAsMeant = () => meantAnswers(issuer, gatewayUrl);
  Object.assign(ours, answersAsMeant());

  const bus = { isUp: true };
  const time = { offByMs: 0 };
  const own = createInProcessMessaging();
  closers.push(() => own.close());
  const messaging: Messaging = { ...own, connected: () => bus.isUp };
  const declarativeFile = join(directory, 'sallyport.yaml');
  writeFileSync(declarativeFile, declaration);
  const config = await testConfig(
    { databaseUrl: postgres.url, keys },
    { issuer, gatewayUrl, jwksUrl: `${issuer}/jwks`, declarativeFile, secretVariables, ...changes },
  );
  const clock = () => Date.now() + time.offByMs;
  const controlPlane = await startControlPlane(config, { messaging, logger, clock });
  closers.push(() => controlPlane.close());
  const client = createAdminClient({ url: controlPlane.urls['admin'] ?? '', token: new Secret(ADMIN_TOKEN) });
  const { publicKey: verifyKey } = await loadVerifyingKey(keys.configurationSigningPublic);

  return {
    ...{ ours, answersAsMeant, issuer, gatewayUrl, directory, postgres, database, client, bus, time },
    messaging: own,
    startReplica: (role, name, { readiness, ...options } = {}) =>
      startService(role, { logger }, async (scope) => {
        const configuration = new ConfigurationReplica({ log: own.configuration, verifyKey });
        scope.onClose('configuration', () => configuration.stop());
        if (readiness !== undefined) scope.readiness(() => readiness);
        await configuration.start();
        await configuration.whenReady(10_000);
        reportReplica(scope, { messaging: own, role, replica: name, configuration, clock: Date.now, ...options });
        return {};
      }),
    verify: async (subject = /./) => {
      const { steps } = await client.verify({ query: {} });
      return steps.filter((step) => step.status !== 'passed' && subject.test(`${step.step} ${step.subject}`));
    },
    close: async () => {
      for (const close of closers.toReversed()) await close();
    },
  };
}

/** As the authorization server does; what it signs with is nothing the control plane could open. */
const activateSigningKey = (database: Database) =>
  database.signingKey.create({
    data: {
      kid: KID,
      purpose: 'access-token',
      algorithm: 'ES256',
      publicJwk: {},
      sealedPrivate: new Uint8Array([1]),
      signsFrom: new Date(Date.now() - 1_000),
    },
  });

const authorizationRoutes = (ours: OurAnswers) => ({
  '/.well-known/oauth-authorization-server': (): RequestListener => ours.metadata,
  '/jwks': () => ours.keys,
  '/authorize': () => ours.page,
});
const gatewayRoutes = (ours: OurAnswers) => ({
  '/mcp': (): RequestListener => ours.call,
  '/.well-known/oauth-protected-resource/mcp': () => ours.resource,
});

function meantAnswers(issuer: string, gatewayUrl: string): OurAnswers {
  const resource = `${gatewayUrl}/.well-known/oauth-protected-resource/mcp`;
  return {
    metadata: json({ issuer }),
    keys: json({ keys: [{ kty: 'EC', kid: KID }] }),
    page: text('<h1>That is no request</h1>', 400),
    call: json({}, 401, { 'www-authenticate': `Bearer resource_metadata="${resource}"` }),
    resource: json({ resource: `${gatewayUrl}/mcp`, authorization_servers: [issuer] }),
  };
}

/** An HTTP server on loopback with these paths. */
export async function serve(routes: Readonly<Record<string, () => RequestListener>>, port = 0) {
  const server = createServer((request, response) => {
    const route = routes[request.url?.split('?')[0] ?? ''];
    if (route === undefined) response.writeHead(404).end();
    else route()(request, response);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An address of this machine at which nothing listens. */
export const nothingListens = async (): Promise<string> => `http://127.0.0.1:${await freePort()}`;
