import { createAccessTokenVerifier, ProofMemory } from '@sallyport/access-token';
import { ConfigurationReplica } from '@sallyport/configuration';
import { EventShipper, EventSpool } from '@sallyport/event-spool';
import type { SpoolFiles } from '@sallyport/event-spool';
import { BytesInFlight, closeNestApp, createNestApp, listen, listenerOf, requestTimeoutFor } from '@sallyport/http';
import type { Readiness, RunningService } from '@sallyport/http';
import { newId, EventTally, SallyportError, systemClock } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import { loadEncryptionKey, loadSigningKey, loadSymmetricKey, loadVerifyingKey } from '@sallyport/keys';
import { createRelay, createServerChannel } from '@sallyport/mcp-relay';
import { CredentialChanged, subjects, summedEvents } from '@sallyport/messages';
import type { EndMcpSessions, LifecycleRecord, ListEndedMcpSessions } from '@sallyport/messages';
import { request } from '@sallyport/messaging';
import type { Messaging } from '@sallyport/messaging';
import { compilePolicies } from '@sallyport/policy';
import { createGuardedAgent, createSafeFetch } from '@sallyport/safe-fetch';
import type { AllowedHost } from '@sallyport/safe-fetch';
import type { Logger, Metrics } from '@sallyport/telemetry';
import type { GatewayConfig } from './config.js';
import { GatewayModule } from './gateway.module.js';
import { describeProtectedResource } from './http/protected-resource.controller.js';
import { serveMcp } from './http/serve-mcp.js';
import { ProofGossip } from './inbound/proof-gossip.js';
import { observeCalls, observeMissing, observeOverBudget, observeUnapproved } from './observe-calls.js';
import { OpenQuestions } from './dialog/open-questions.js';
import { ParkedCalls } from './dialog/parked-calls.js';
import { RemoteExchanges } from './dialog/remote-exchanges.js';
import { ReplicaLink } from './dialog/replica-link.js';
import { takeReplicaRequest } from './dialog/take-replica-request.js';
import { Catalogues } from './outbound/catalogues.js';
import { SeenTools } from './outbound/seen-tools.js';
import { CertificateConnections } from './outbound/certificate-connections.js';
import { CredentialLeases } from './outbound/credential-leases.js';
import { handleMcpRequest } from './request-path/handle-mcp-request.js';
import { OpenCalls } from './request-path/open-calls.js';
import type { RequestPath } from './request-path/request-path.js';
import { FairTurns } from './request-path/fair-turns.js';
import { Places } from './request-path/places.js';
import { StreamPauses } from './request-path/stream-pauses.js';
import { StepUpMemory } from './request-path/step-up-memory.js';
import { EndAnnouncements } from './session/announce-ends.js';
import { EndedSessions } from './session/ended-sessions.js';
import { MissedEnds } from './session/missed-ends.js';
import { LogLevels } from './session/log-levels.js';
import { ResourceSubscriptions } from './session/resource-subscriptions.js';
import { StateSealer } from './session/state-sealer.js';

export interface GatewayAdapters {
  readonly messaging: Messaging;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  readonly clock?: Clock;
  /** Where the spool is. */
  readonly files?: SpoolFiles;
}

const VERSION = '0.1.0';
const HOUSEKEEPING_MS = 5_000;
/** A revocation ends what is running within this and the time the revocation travels. */
const OPEN_CALLS_MS = 500;
/** A heartbeat comes each second: this long without one is worth telling operators. */
const LATE_HEARTBEAT_MS = 5_000;

/** The data plane, listening. Holds no state that another replica would miss. */
export async function startGateway(
  config: GatewayConfig,
  { messaging, logger, metrics, clock = systemClock, files }: GatewayAdapters,
): Promise<RunningService> {
  const identity = { name: 'sallyport', version: VERSION };
  const userAgent = `${identity.name}/${identity.version}`;
  const [configurationKey, leaseKey, leaseSigningKey, replicaKey] = await Promise.all([
    loadVerifyingKey(config.keys.configurationPublicKey),
    loadEncryptionKey(config.keys.leasePublicKey),
    loadVerifyingKey(config.keys.leaseSigningPublicKey),
    loadSigningKey(config.keys.replicaKey),
  ]);
  const sealer = new StateSealer(config.keys.gatewayState.map((file) => loadSymmetricKey(file, 'gateway state key')));

  const replica = new ConfigurationReplica({
    log: messaging.configuration,
    verifyKey: configurationKey.publicKey,
    clock,
    stalenessBoundMs: config.stalenessBoundMs,
    onProblem: (problem) => logger.warn({ problem }, 'configuration log'),
  });
  const link = new ReplicaLink({
    messaging,
    sealer,
    replica: config.replica,
    clock,
    onProblem: (problem, error) => logger.warn({ problem, err: error }, 'between replicas'),
  });
  const proofs = new ProofGossip({
    memory: new ProofMemory({ clock }),
    clock,
    publish: (seen) => link.tellAll({ type: 'proofs-seen', seen }),
    onProblem: (error) => logger.warn({ err: error }, 'used proofs could not be told to the other gateways yet'),
  });
  const jwks = new URL(config.jwksUrl);
  const verifier = createAccessTokenVerifier({
    issuer: config.issuer,
    audience: `${config.gatewayUrl}/mcp`,
    jwksUrl: config.jwksUrl,
    clock,
    // The administrator named this one address: it may be on our own network.
    fetch: createSafeFetch({
      userAgent,
      allow: [hostOf(jwks)],
      extraCertificateAuthorities: config.extraCertificateAuthorities,
    }),
    revocations: () => replica.snapshot().revocations,
    seenProofs: proofs,
  });
  const onLeaseProblem = (error: unknown) => logger.warn({ err: error }, 'lease request failed');
  const leases = new CredentialLeases({
    requester: {
      replica: config.replica,
      replicaKey: replicaKey.privateKey,
      leasePublicKey: leaseKey.publicKey,
      clock,
    },
    leaseSigningPublicKey: leaseSigningKey.publicKey,
    clock,
    onProblem: onLeaseProblem,
    send: (wire) => request(messaging.client(), subjects.lease, wire, { timeoutMs: config.leaseTimeoutMs }),
  });
  const guard = {
    allow: () =>
      replica.state().ready ? (replica.snapshot().get('OutboundNetwork', 'default')?.spec.allow ?? []) : [],
    extraCertificateAuthorities: config.extraCertificateAuthorities,
  };
  const pooling = { connections: 1_024, keepAliveTimeout: 30_000, maxHeaderSize: 32_768 };
  const dispatcher = createGuardedAgent(guard, pooling);
  const certificateConnections = new CertificateConnections({
    open: (clientCertificate) => createGuardedAgent({ ...guard, clientCertificate }, pooling),
    clock,
  });
  const ask = (subject: string, payload: EndMcpSessions | ListEndedMcpSessions) =>
    request(messaging.client(), subject, payload, { timeoutMs: config.leaseTimeoutMs });
  const announcements = new EndAnnouncements({
    clock,
    random: Math.random,
    announce: (ends) => ask(subjects.endMcpSessions, { v: 1, replica: config.replica, ends: [...ends] }),
    onFailing: (error) => logger.warn({ err: error }, 'ended sessions cannot be told to the other gateways yet'),
    onRecovered: () => logger.info('ended sessions are told to the other gateways again'),
    onNotKept: (count) =>
      logger.warn({ count }, "sessions that ended here go on elsewhere: too many of their users' are remembered"),
  });
  const endedSessions = new EndedSessions({ announcements, clock });
  const missedEnds = new MissedEnds({
    clock,
    random: Math.random,
    connections: () => messaging.connections(),
    learn: (ends) => endedSessions.learn(ends),
    list: (after) => ask(subjects.listEndedMcpSessions, { v: 1, replica: config.replica, after }),
    onFailing: (error) => logger.warn({ err: error }, 'it cannot be asked yet which sessions ended elsewhere'),
  });
  const spool = new EventSpool({
    directory: config.spoolDirectory,
    clock,
    maxBytes: config.spoolMaxBytes,
    ...(files === undefined ? {} : { files }),
    onState: (state) =>
      state.accepting
        ? logger.info('event spool accepts again')
        : logger.error({ reason: state.reason, code: state.code }, 'event spool refuses: calls are refused'),
  });
  const refusals = new EventTally({ clock });
  const recordRefusals = async (which: 'over' | 'all') => {
    for (const sum of refusals.take(which)) {
      const record: LifecycleRecord = {
        v: 1,
        id: newId('evt', clock()),
        replica: config.replica,
        at: sum.to,
        ...summedEvents(sum),
      };
      // One that there is no room for goes on being counted.
      await spool.append(record, { yields: true }).catch(() => refusals.add(sum));
    }
  };
  const shipper = new EventShipper({
    spool,
    publish: (records) => messaging.events.publish(config.replica, records),
    onFailure: (error, retryInMs) => logger.warn({ err: error, retryInMs }, 'events wait in the spool'),
    onDamagedLine: () => logger.warn('a damaged event was skipped'),
  });

  const unapproved = metrics && observeUnapproved(metrics);
  const seenTools = new SeenTools({
    append: (record) => spool.append(record),
    replica: config.replica,
    clock,
    policies: () => compilePolicies(replica.snapshot()),
    onUnapproved: (server, tools) => {
      logger.warn({ server, tools: tools.slice(0, 20), count: tools.length }, 'tools are not approved as they are now');
      unapproved?.(server, tools.length);
    },
    // Why is the spool's to say, once.
    onProblem: (error) => logger.debug({ err: error }, 'a definition that was seen could not be told yet'),
  });
  const channel = createServerChannel({
    relay: createRelay({
      dispatcher,
      dispatcherWith: (certificate) => certificateConnections.of(certificate),
      userAgent,
    }),
    clock,
  });
  const openCalls = new OpenCalls(verifier, endedSessions, clock);
  const questions = new OpenQuestions({ sealer, replica: config.replica });
  const parkedCalls = new ParkedCalls({ openCalls });
  const path: RequestPath = {
    verifier,
    leases,
    sealer,
    endedSessions,
    clock,
    identity,
    channel,
    catalogues: new Catalogues({
      clock,
      onDropped: ({ server, dropped }) => logger.warn({ server, dropped: dropped.slice(0, 20) }, 'tools left out'),
      onTools: (listing) => (replica.state().ready && !replica.state().stale ? seenTools.note(listing) : undefined),
    }),
    stepUps: new StepUpMemory(),
    openCalls,
    turns: new FairTurns(),
    questions,
    arriving: new Places({ perUser: 256, total: 4_000 }),
    bytes: new BytesInFlight({ perOwner: config.maxUserBytes, total: config.maxBytesInFlight }, (refusal) =>
      listenerOf(app).watch.turnedAway(refusal === 'own-limit' ? 'bytes-of-one' : 'bytes-in-all'),
    ),
    seenProofs: proofs,
    calls: new Places({ perUser: 256, total: 10_000 }),
    subscriptions: new Places({ perUser: 16, total: 2_000 }),
    streamPauses: new StreamPauses(clock),
    parkedCalls,
    link,
    remoteExchanges: new RemoteExchanges(),
    replica: config.replica,
    configuration: () => {
      const { ready, stale } = replica.state();
      return ready && !stale
        ? { snapshot: replica.snapshot() }
        : { unavailable: ready ? 'configuration_stale' : 'configuration_missing' };
    },
    reserveRecord: () =>
      spool.reserve() ?? { unavailable: `event_spool_${spool.state.accepting ? 'full' : spool.state.reason}` },
    endpointUrl: `${config.gatewayUrl}/mcp`,
    resourceMetadataUrl: `${config.gatewayUrl}/.well-known/oauth-protected-resource/mcp`,
    maxBodyBytes: config.maxBodyBytes,
    maxAnswerBytes: config.maxAnswerBytes,
    listTimeoutMs: config.listTimeoutMs,
    listPageLength: config.listPageLength,
    logLevels: new LogLevels(),
    resourceSubscriptions: new ResourceSubscriptions(),
    observeOverBudget: observeOverBudget({
      metrics,
      clock,
      say: (policy) =>
        logger.warn(
          { policy },
          'calls are denied: the expression of this policy was shown more than it may go through',
        ),
    }),
    observeMissing: metrics === undefined ? undefined : observeMissing(metrics),
  };

  const app = await createNestApp(
    GatewayModule.with(() => describeProtectedResource(config, replica.state().ready ? replica.snapshot() : undefined)),
    {
      logger,
      publicUrl: config.gatewayUrl,
      trustedProxies: config.trustedProxies,
      metrics,
      clock,
      limits: { maxConnections: config.maxConnections, requestTimeoutMs: requestTimeoutFor(config.maxBodyBytes) },
      cors: {
        origins: config.allowedOrigins,
        exposedHeaders: ['WWW-Authenticate', 'Mcp-Session-Id'],
        allowedHeaders: [
          'Authorization',
          'DPoP',
          'Content-Type',
          'Accept',
          'Mcp-Protocol-Version',
          'Mcp-Method',
          'Mcp-Name',
          'Mcp-Session-Id',
        ],
      },
    },
  );
  serveMcp(app.getHttpAdapter().getInstance(), {
    handle: (inbound, facts) => handleMcpRequest(path, inbound, facts),
    append: (record, options) => spool.append(record, options),
    refusals,
    replica: config.replica,
    clock,
    logger,
    ...(metrics === undefined ? {} : { observe: observeCalls(metrics) }),
  });

  // What running calls use while the app closes: closed after it, the last opened first.
  const opened: (() => Promise<unknown>)[] = [
    () => Promise.all([dispatcher.destroy(), certificateConnections.destroy()]),
  ];
  const timers: NodeJS.Timeout[] = [];
  let closing: Promise<void> | undefined;
  const close = async () => {
    for (const timer of timers) clearInterval(timer);
    announcements.stop();
    missedEnds.stop();
    proofs.stop();
    parkedCalls.endAll();
    await closeNestApp(app);
    for (let next = opened.pop(); next; next = opened.pop()) await next();
  };
  let url: string;
  try {
    shipper.start();
    opened.push(
      () => shipper.stop(),
      () => recordRefusals('all'),
    );
    opened.push(
      await messaging.broadcast.subscribe(subjects.credentialChanged, (payload) => {
        const changed = CredentialChanged.safeParse(payload);
        if (changed.success) leases.drop(changed.data);
      }),
    );
    opened.push(await messaging.broadcast.subscribe(subjects.mcpSessionsEnded, (payload) => missedEnds.heard(payload)));
    opened.push(await link.serve((asked, from) => takeReplicaRequest(path, asked, from)));
    proofs.listening();
    opened.push(() => replica.stop());
    await replica.start();
    void verifier.start();
    await missedEnds.start();
    const housekeeping = () => {
      leases.sweep();
      endedSessions.sweep();
      proofs.sweep();
      spool.recover();
      void recordRefusals('over');
      channel.sweep();
      certificateConnections.sweep();
      if (verifier.keys.loaded) verifier.keys.refreshWhenOld();
      else void verifier.keys.reload();
    };
    const watch = () => {
      const { ready, stale } = replica.state();
      if (ready && stale) openCalls.endAll('configuration_stale');
      else if (ready) openCalls.endUnauthorized(replica.snapshot());
    };
    timers.push(setInterval(housekeeping, HOUSEKEEPING_MS).unref(), setInterval(watch, OPEN_CALLS_MS).unref());
    url = await listen(app, config.listen);
  } catch (error) {
    await close();
    throw error;
  }
  logger.info({ url }, 'gateway listening');
  return {
    name: 'gateway',
    urls: { gateway: config.gatewayUrl, listening: url },
    readiness: () =>
      readinessOf({
        replica,
        spool,
        shipper,
        messaging,
        missedEnds,
        keysLoaded: verifier.keys.loaded,
        worries: listenerOf(app).watch.worries(),
      }),
    close: () => (closing ??= close()),
  };
}

function readinessOf({
  replica,
  spool,
  shipper,
  messaging,
  missedEnds,
  keysLoaded,
  worries,
}: {
  replica: ConfigurationReplica;
  spool: EventSpool;
  shipper: EventShipper;
  messaging: Messaging;
  missedEnds: MissedEnds;
  keysLoaded: boolean;
  worries: readonly string[];
}): Readiness {
  const { ready, stale, staleForMs } = replica.state();
  const fatal: string[] = [];
  if (!ready) fatal.push('the configuration has not arrived');
  else if (stale) fatal.push('the configuration is older than the staleness bound');
  if (!spool.state.accepting)
    fatal.push(`the event spool refuses (${[spool.state.reason, spool.state.code].filter(Boolean).join(', ')})`);
  const worrying: string[] = [...worries];
  if (ready && !stale && staleForMs > LATE_HEARTBEAT_MS)
    worrying.push(`no sign of life of the control plane for ${Math.round(staleForMs / 1000)} s`);
  if (!messaging.connected()) worrying.push('the bus is not connected');
  if (missedEnds.isBehind) worrying.push('MCP sessions may have ended elsewhere without its knowing');
  if (shipper.failing) worrying.push('events cannot be shipped');
  if (!keysLoaded) worrying.push("the authorization server's keys are not loaded");
  return {
    status: fatal.length > 0 ? 'not-ready' : worrying.length > 0 ? 'degraded' : 'ready',
    reasons: [...fatal, ...worrying],
  };
}

function hostOf(url: URL): AllowedHost {
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new SallyportError('configuration_invalid', 'The key set must be at an http(s) address.');
  return {
    host: url.hostname,
    ports: [url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)],
    http: url.protocol === 'http:',
  };
}
