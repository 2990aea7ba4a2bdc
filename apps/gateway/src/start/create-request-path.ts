import { BytesInFlight, type AppListener, type FairTurns } from '@sallyport/http';
import { subjects, type CallRecord } from '@sallyport/messages';
import type { Metrics } from '@sallyport/telemetry';
import { OpenCalls } from '../call/open-calls.js';
import { createCallTracing } from '../call/call-span.js';
import { Places } from '../call/places.js';
import { StepUpMemory } from '../call/step-up-memory.js';
import { OpenQuestions } from '../conversation/open-questions.js';
import { ParkedCalls } from '../conversation/parked-calls.js';
import { observeCalls, observeLeases, observeMissing, observeOverBudget } from '../observe-calls.js';
import { observeOperations, observeRequests } from '../observe-operations.js';
import { StreamPauses } from '../operations/stream-pauses.js';
import { CredentialLeases } from '../outbound/credential-leases.js';
import { tellAll } from '../outbound/observe-server.js';
import { traceServer } from '../outbound/trace-server.js';
import { RemoteExchanges } from '../replicas/remote-exchanges.js';
import type { ReplicaLink } from '../replicas/replica-link.js';
import { assembleRequestPath } from '../request-path/assemble-request-path.js';
import type { AssembledFrom } from '../request-path/assemble-request-path.js';
import type { WarmCallUses } from '../request-path/begin-warm-call.js';
import { LogLevels } from '../session/log-levels.js';
import { OpenedSessions } from '../session/mcp-session.js';
import { ResourceSubscriptions } from '../session/resource-subscriptions.js';
import { createCatalogues } from './create-catalogues.js';
import type { TokenVerification } from './create-token-verification.js';
import type { EndedSessionsParts } from './follow-ended-sessions.js';
import type { Foundation } from './foundation.js';
import { IDENTITY } from './identity.js';
import type { RecordSpool } from './open-record-spool.js';
import type { ServerConnections } from './open-server-connections.js';

export interface RequestPathParts {
  readonly servers: ServerConnections;
  readonly records: RecordSpool;
  readonly sessions: EndedSessionsParts;
  readonly tokens: TokenVerification;
  readonly link: ReplicaLink;
  readonly turns: FairTurns;
  readonly listener: AppListener;
}

/** The request path, and what it was made from. */
export type GatewayParts = WarmCallUses & AssembledFrom;

/** Makes everything that the request path is made of, and the path of it. */
export function createRequestPath(foundation: Foundation, parts: RequestPathParts): GatewayParts {
  const { config, address, clock, sealer, configuration } = foundation;
  const { servers, records, sessions, tokens, link, turns, listener } = parts;
  const openCalls = new OpenCalls(tokens.verifier, sessions.endedSessions, clock);
  return assembleRequestPath({
    verifier: tokens.verifier,
    leases: createLeases(foundation),
    sealer,
    openedSessions: new OpenedSessions(sealer),
    endedSessions: sessions.endedSessions,
    clock,
    identity: IDENTITY,
    channel: servers.channel,
    catalogues: createCatalogues(foundation, records),
    stepUps: new StepUpMemory(),
    openCalls,
    turns,
    questions: new OpenQuestions({ sealer, replica: address }),
    arriving: new Places({ perUser: 256, total: 4_000 }),
    bytes: new BytesInFlight({ perOwner: config.maxUserBytes, total: config.maxBytesInFlight }, (refusal) =>
      listener.watch.turnedAway(refusal === 'own-limit' ? 'bytes-of-one' : 'bytes-in-all'),
    ),
    seenProofs: tokens.proofs,
    calls: new Places({ perUser: 256, total: 10_000 }),
    subscriptions: new Places({ perUser: 16, total: 2_000 }),
    streamPauses: new StreamPauses(clock),
    parkedCalls: new ParkedCalls({ openCalls }),
    link,
    remoteExchanges: new RemoteExchanges(),
    replica: address,
    configuration: () => {
      const { ready, stale } = configuration.state();
      return ready && !stale
        ? { snapshot: configuration.snapshot() }
        : { unavailable: ready ? 'configuration_stale' : 'configuration_missing' };
    },
    recorder: {
      append: (json, options, done) => records.spool.appendLine(json, options, done),
      refusals: records.refusals,
      replica: config.replica,
      logger: foundation.logger,
      ...(foundation.metrics && { observe: observeRecords(foundation.metrics) }),
    },
    reserveRecord: (userId) => records.reserveRecord(userId),
    maxBodyBytes: config.maxBodyBytes,
    maxAnswerBytes: config.maxAnswerBytes,
    listTimeoutMs: config.listTimeoutMs,
    listPageLength: config.listPageLength,
    logLevels: new LogLevels(clock),
    resourceSubscriptions: new ResourceSubscriptions(clock),
    ...createObservers(foundation),
    ...createTracing(foundation),
    observeServer: createServerObserver(foundation),
  });
}

/** Spans of calls; nothing where traces are off. */
const createTracing = ({ tracer, config }: Foundation): Pick<AssembledFrom, 'traceCall'> =>
  tracer === undefined ? {} : { traceCall: createCallTracing(tracer, config.gatewayUrl) };

/** Times the requests to servers, and puts them into spans where traces are on. */
function createServerObserver({ metrics, tracer, clock, snapshot }: Foundation): AssembledFrom['observeServer'] {
  const kindOf = (provider: string) => snapshot()?.get('CredentialProvider', provider)?.spec.type;
  return tellAll([
    ...(metrics === undefined ? [] : [observeRequests(metrics, clock)]),
    ...(tracer === undefined ? [] : [traceServer(tracer, kindOf)]),
  ]);
}

/** What the records of calls are counted by. */
function observeRecords(metrics: Metrics): (record: CallRecord) => void {
  const [calls, operations] = [observeCalls(metrics), observeOperations(metrics)];
  return (record) => {
    calls(record);
    operations(record);
  };
}

function createLeases({ config, keys, clock, logger, metrics, ask }: Foundation): CredentialLeases {
  return new CredentialLeases({
    requester: {
      replica: config.replica,
      replicaKey: keys.replica.privateKey,
      leasePublicKey: keys.lease.publicKey,
      clock,
    },
    leaseSigningPublicKey: keys.leaseSigning.publicKey,
    clock,
    onProblem: (error) => logger.warn({ err: error }, 'lease request failed'),
    send: (wire) => ask(subjects.lease, wire),
    ...(metrics && { observe: observeLeases(metrics) }),
  });
}

function createObservers({
  metrics,
  clock,
  logger,
  snapshot,
}: Foundation): Pick<AssembledFrom, 'observeOverBudget' | 'observeMissing'> {
  const overBudget = 'calls are denied: the expression of this policy was shown more than it may go through';
  return {
    observeOverBudget: observeOverBudget({ metrics, clock, say: (policy) => logger.warn({ policy }, overBudget) }),
    observeMissing: observeMissing({
      metrics,
      clock,
      addressOf: (server) => snapshot()?.get('McpServer', server)?.spec.url,
      say: (about, isListed) =>
        isListed ? logger.info(about, 'a server is listed again') : logger.warn(about, 'a server cannot be listed'),
    }),
  };
}
