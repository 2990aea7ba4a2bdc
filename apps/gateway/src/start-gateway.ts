import { closeListener, FairTurns, listen, type AppListener } from '@sallyport/http';
import { SallyportError } from '@sallyport/kernel';
import { CredentialChanged, subjects } from '@sallyport/messages';
import {
  configurationReadiness,
  degraded,
  observeConfiguration,
  reportReplica,
  startService,
  type RunningService,
} from '@sallyport/process';
import type { GatewayConfig } from './config.js';
import { takeReplicaRequest } from './conversation/take-replica-request.js';
import { serveMcp } from './http/serve-mcp.js';
import { takeWarmCalls, type WarmEndpoint } from './http/take-warm-calls.js';
import { observeWarmCalls } from './observe-calls.js';
import { createAskedAddress } from './protocol/asked-address.js';
import { ReplicaLink } from './replicas/replica-link.js';
import { beginWarmCall } from './request-path/begin-warm-call.js';
import { handleMcpRequest } from './request-path/handle-mcp-request.js';
import { createGatewayListener } from './start/create-gateway-listener.js';
import { createRequestPath, type GatewayParts } from './start/create-request-path.js';
import { createTokenVerification, type TokenVerification } from './start/create-token-verification.js';
import { createEndedSessions, followEndedSessions, type EndedSessionsParts } from './start/follow-ended-sessions.js';
import { layFoundation, type Foundation, type GatewayAdapters } from './start/foundation.js';
import { keepHouse, watchOpenCalls } from './start/keep-house.js';
import { openRecordSpool, type RecordSpool } from './start/open-record-spool.js';
import { openServerConnections } from './start/open-server-connections.js';

export type { GatewayAdapters } from './start/foundation.js';

/** What runs when the gateway stops has this long to be over by itself. */
const STOPPING_MS = 3_000;

/** The data plane, listening. Holds no state that another replica would miss. */
export function startGateway(config: GatewayConfig, adapters: GatewayAdapters): Promise<RunningService> {
  return startService('gateway', adapters, async (scope) => {
    const foundation = await layFoundation(config, adapters, scope);
    const { logger, clock } = foundation;

    const turns = new FairTurns();
    const askedAddress = createAskedAddress(config.gatewayUrl);
    const link = createReplicaLink(foundation);
    const tokens = createTokenVerification(foundation, link);
    const sessions = createEndedSessions(foundation);
    const servers = openServerConnections(foundation);
    const records = openRecordSpool(foundation);
    const listener = createGatewayListener(foundation, tokens, turns, askedAddress);
    const path = createRequestPath(foundation, { servers, records, sessions, tokens, link, turns, listener });
    serveMcp(listener.fastify, {
      handle: (inbound) => handleMcpRequest(path, inbound),
      askedAddress,
      clock,
      logger,
    });

    if (config.isWarmPathOn) takeShortcut(foundation, path, listener, askedAddress);

    await followBus(foundation, path, tokens);
    if (config.worker !== undefined) await requireOwnAddress(link, foundation.address);
    await followConfiguration(foundation);
    void tokens.verifier.start();
    await followEndedSessions(foundation, sessions);
    endCallsBeforeClosing(foundation, { path, listener, sessions });
    keepHouse(foundation, { path, servers, records, tokens });
    watchOpenCalls(foundation, path);
    scope.readiness(() =>
      degraded(
        ...listener.watch.worries(),
        !tokens.verifier.keys.loaded && "the authorization server's keys are not loaded",
      ),
    );

    const listening = await listen(listener.fastify, config.listen);
    logger.info({ url: listening }, 'gateway listening');
    reportGateway(foundation, records, tokens);
    return { gateway: config.gatewayUrl, listening };
  });
}

/** Tells the control plane of this process, also of what no other process can see. */
function reportGateway(
  { scope, messaging, metrics, configuration, config, clock }: Foundation,
  { spool, isBehind }: RecordSpool,
  { verifier }: TokenVerification,
): void {
  const { replica, worker } = config;
  const faults = () => [
    ...(verifier.keys.loaded ? [] : ['issuer-keys-missing' as const]),
    ...(spool.state.accepting ? [] : ['spool-refuses' as const]),
    ...(isBehind() ? ['events-not-shipped' as const] : []),
  ];
  const role = 'gateway';
  reportReplica(scope, { messaging, role, replica, worker, configuration, clock, faults });
  observeConfiguration(metrics, { role, configuration, messaging, clock });
}

/** Lets calls of which everything is remembered go before the routes. */
function takeShortcut(
  { metrics, logger }: Foundation,
  path: GatewayParts,
  { shortcut, headers }: AppListener,
  askedAddress: WarmEndpoint['askedAddress'],
): void {
  shortcut.take = takeWarmCalls({
    ...path,
    begin: (arrived, listener) => beginWarmCall(path, arrived, listener),
    // Without a configuration that is fresh nobody can say what was revoked.
    recall: (token) => ('unavailable' in path.configuration() ? undefined : path.verifier.recall(token)),
    observe: metrics && observeWarmCalls(metrics),
    askedAddress,
    headers,
    logger,
  });
}

function createReplicaLink({ messaging, sealer, address, clock, logger }: Foundation): ReplicaLink {
  return new ReplicaLink({
    messaging,
    sealer,
    replica: address,
    clock,
    onProblem: (problem, error) => logger.warn({ problem, err: error }, 'between replicas'),
  });
}

/** Hears of changed credentials and of what other gateways say. */
async function followBus(
  { messaging, scope }: Foundation,
  path: GatewayParts,
  { proofs }: TokenVerification,
): Promise<void> {
  const onCredentialChanged = (payload: unknown) => {
    const changed = CredentialChanged.safeParse(payload);
    if (changed.success) path.leases.drop(changed.data);
  };
  scope.onClose(
    'subscription to changed credentials',
    await messaging.broadcast.subscribe(subjects.credentialChanged, onCredentialChanged),
  );
  scope.onClose('replica link', await path.link.serve((asked, from) => takeReplicaRequest(path, asked, from)));
  scope.onClose('used proofs', () => proofs.stop());
  proofs.listening();
  scope.readiness(() => degraded(!messaging.connected() && 'the bus is not connected'));
}

/** Long for a message to oneself: the bus is connected by now. */
const OWN_ADDRESS_MS = 10_000;

/**
 * A bus whose configuration was made for replicas of one process lets a worker speak and not hear: cancellations and
 * answers that arrive at another worker would be lost on the way.
 * @throws SallyportError `worker_unreachable`
 */
async function requireOwnAddress(link: ReplicaLink, address: string): Promise<void> {
  const nobodys = { type: 'abandon', exchange: address } as const;
  if ((await link.ask(address, nobodys, OWN_ADDRESS_MS)) !== undefined) return;
  throw new SallyportError(
    'worker_unreachable',
    `The bus brings this worker nothing that other gateways say to ${address}: make the configuration of the NATS ` +
      'server anew with this version (deploy/nats/README.md), and have the server read it.',
  );
}

async function followConfiguration({ configuration, scope }: Foundation): Promise<void> {
  scope.onClose('configuration', () => configuration.stop());
  scope.readiness(() => configurationReadiness(configuration.state(), { tellLate: true }));
  await configuration.start();
}

/**
 * Closes the listener while everything that calls use is still open. Calls are ended sooner than connections are cut:
 * HTTP clients send a call that is cut without an answer again, to another gateway.
 */
function endCallsBeforeClosing(
  { scope }: Foundation,
  { path, listener, sessions }: { path: GatewayParts; listener: AppListener; sessions: EndedSessionsParts },
): void {
  scope.onClose('listener', async () => {
    const ending = setTimeout(() => path.openCalls.endAll('gateway_stopping'), STOPPING_MS);
    await closeListener(listener.fastify).finally(() => clearTimeout(ending));
  });
  scope.onClose('parked calls', () => path.parkedCalls.endAll());
  scope.onClose('announcements of ended sessions', () => sessions.announcements.stop());
}
