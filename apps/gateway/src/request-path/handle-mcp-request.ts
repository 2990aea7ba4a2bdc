import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { Answer, CallFacts, ExchangeFacts, InboundRequest } from '../http/exchange.js';
import { takeMessage } from '../dialog/take-message.js';
import { classifyMessage } from '../inbound/classify-message.js';
import { openMcpSession } from '../session/mcp-session.js';
import type { McpSession } from '../session/mcp-session.js';
import { admit } from './admit.js';
import { answerBatch } from './answer-batch.js';
import { authenticate, schemeOf } from './authenticate.js';
import type { Authenticated } from './authenticate.js';
import { endSession } from './end-session.js';
import { answerOfEnded, endedInTime, Ending } from './ending.js';
import type { EndReason, OpenCall } from './open-calls.js';
import { performOperation } from './perform-operation.js';
import { identityOf, readMessage, traceIdIn } from './read-message.js';
import { factsOf, refuse } from './refuse.js';
import type { RefusalContext } from './refuse.js';
import { isRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';
import { reserveRecord } from './request-path.js';
import type { Admitted, Call, RequestPath } from './request-path.js';

/**
 * The request path: authenticate → wait for one's turn → take a place → admit → read → resolve target → decide → lease →
 * forward → record. Types hold the order: only `admit()` makes an Admitted, without which nothing is done for a caller;
 * only `decide()` makes a Permit, only a Permit gets a CredentialLease, only both together reach a server. Nothing is read
 * of a body before the caller is known (R12). A refusal is a value; what is broken throws.
 */
export async function handleMcpRequest(
  path: RequestPath,
  inbound: InboundRequest,
  facts: ExchangeFacts,
): Promise<Answer> {
  const refused = refuser(path, inbound, facts);
  const vouched = path.configuration();
  if ('unavailable' in vouched) return refused({ refused: 'not-ready', reason: vouched.unavailable });

  const repeated = inbound.headers.firstRepeated();
  if (repeated !== undefined) return refused({ refused: 'repeated-header', header: repeated });
  const authenticated = await authenticate(path, inbound);
  if (isRefusal(authenticated)) return refused(authenticated);
  Object.assign(facts, callerFacts(authenticated));

  const { userId } = authenticated.caller;
  await path.turns.take(userId);
  const leave = path.arriving.enter(userId);
  if (leave === undefined)
    return refused({ refused: 'too-many', what: 'requests', byAll: path.arriving.isByAll(userId) });
  inbound.onOver(leave);
  const configuration = path.configuration();
  if ('unavailable' in configuration) return refused({ refused: 'not-ready', reason: configuration.unavailable });
  const { snapshot } = configuration;
  const arrived: Arrived = {
    path,
    inbound,
    snapshot,
    authenticated,
    admission: admit(path, inbound, authenticated, snapshot, facts),
    leave,
  };
  switch (inbound.method) {
    case 'POST': {
      const body = await readMessage(path, inbound, userId);
      if (isRefusal(body)) return refused(body);
      return Array.isArray(body.value)
        ? await handleBatch(arrived, body.value, facts)
        : await handleMessage(arrived, body.value, facts);
    }
    case 'DELETE':
      return await handleDelete(arrived, facts);
    default:
      return refused({ refused: 'http-method' });
  }
}

/** What every message of one exchange has in common. */
interface Arrived {
  readonly path: RequestPath;
  readonly inbound: InboundRequest;
  readonly snapshot: ConfigurationSnapshot;
  readonly authenticated: Authenticated;
  /** A refusal is worded once the message is known whose id it answers. */
  readonly admission: Admitted | Refusal;
  /** Leaves the place among what arrives: a call has one of its own. */
  readonly leave: () => void;
}

async function handleDelete({ path, inbound, admission }: Arrived, facts: CallFacts): Promise<Answer> {
  facts.method = 'DELETE';
  const outcome = isRefusal(admission)
    ? admission
    : (reserveRecord(path, facts) ?? (await endSession(path, inbound, admission)));
  return settle(outcome, facts, refuser(path, inbound, facts));
}

async function handleBatch(arrived: Arrived, elements: readonly unknown[], facts: ExchangeFacts): Promise<Answer> {
  const { path, inbound } = arrived;
  const sealed = inbound.headers.get('mcp-session-id');
  const session = sealed === undefined ? undefined : sessionOf(arrived, sealed);
  const version = session?.version ?? inbound.headers.get('mcp-protocol-version');
  const answer: Answer | Refusal =
    sealed !== undefined && session === undefined
      ? { refused: 'session-not-found' }
      : await answerBatch(elements, version, facts, async (element, own) => {
          await path.turns.take(arrived.authenticated.caller.userId); // each is as much work as a request of its own
          const one = await handleMessage(arrived, element, own);
          if (one.body.type === 'text') inbound.bytes.charge(one.body.text.length); // it waits for the others
          return one;
        });
  return isRefusal(answer) ? refuser(path, inbound, facts, { era: 'legacy' })(answer) : answer;
}

async function handleMessage(arrived: Arrived, body: unknown, facts: CallFacts): Promise<Answer> {
  const { path, inbound, admission } = arrived;
  const message = classifyMessage(body, inbound.headers, (sealed) => sessionOf(arrived, sealed));
  if (isRefusal(message)) return refuser(path, inbound, facts, identityOf(body, inbound))(message);
  if (message.type !== 'request') {
    facts.method = message.type === 'answer' ? undefined : message.method;
    const outcome = isRefusal(admission)
      ? admission
      : (reserveRecord(path, facts) ?? (await takeMessage(path, admission, message)));
    return settle(outcome, facts, refuser(path, inbound, facts));
  }
  const { request } = message;
  const refused = refuser(path, inbound, facts, { request, era: request.era });
  Object.assign(facts, { method: request.method, protocolVersion: request.version, traceId: traceIdIn(request) });
  if (isRefusal(admission)) return refused(admission);

  const ending = new Ending(inbound.disconnected);
  const open: OpenCall = {
    verified: admission,
    endsWithToken: request.operation.type === 'listen',
    sessionId: request.session?.id,
    requestId: request.id,
    end: (reason) => ending.end(reason),
  };
  const call: Call = { ...admission, path, open, inbound: { ...inbound, disconnected: ending.signal }, request, facts };
  const leave = path.calls.enter(call.caller.userId);
  if (leave === undefined)
    return refused({ refused: 'too-many', what: 'calls', byAll: path.calls.isByAll(call.caller.userId) });
  arrived.leave();
  inbound.onOver(leave);
  const unrecordable = reserveRecord(path, facts);
  if (unrecordable !== undefined) return refused(unrecordable);
  facts.withheld = (recordId) =>
    refuse(
      { refused: 'unrecorded', recordId, isDone: facts.reason === undefined },
      refusalContext(path, inbound, { request, era: request.era }),
    );
  inbound.onOver(path.openCalls.add(open));
  return await performUntilEnded(call, ending, refused);
}

/** A call that is ended while it runs is answered as such, and recorded as what was decided on it before. */
async function performUntilEnded(call: Call, ending: Ending, refused: (refusal: Refusal) => Answer): Promise<Answer> {
  const answerOf = (reason: EndReason): Answer => {
    const answer = answerOfEnded(reason, call.inbound.headers, () => refused({ refused: 'ended', reason }));
    call.facts.reason ??= `ended:${reason}`;
    return answer;
  };
  try {
    const outcome = await performOperation(call, refused);
    return ending.reason === undefined
      ? endedInTime(settle(outcome, call.facts, refused), ending, answerOf)
      : answerOf(ending.reason);
  } catch (error) {
    if (ending.reason === undefined) throw error;
    return answerOf(ending.reason);
  }
}

/** A legacy client's session, unless it ended. */
function sessionOf({ path, authenticated }: Arrived, sealed: string): McpSession | undefined {
  const session = openMcpSession(path.sealer, authenticated.caller, sealed, path.clock());
  return session === undefined || path.endedSessions.has(session.id) ? undefined : path.logLevels.latest(session);
}

function settle(outcome: Answer | Refusal, facts: CallFacts, refused: (refusal: Refusal) => Answer): Answer {
  if (isRefusal(outcome)) return refused(outcome);
  facts.decision ??= 'allow';
  return outcome;
}

/** Words a refusal for whoever asked, and notes it for the record. */
function refuser(
  path: RequestPath,
  inbound: InboundRequest,
  facts: CallFacts,
  about: Partial<RefusalContext> = {},
): (refusal: Refusal) => Answer {
  return (refusal) => {
    const { decision, reason } = factsOf(refusal);
    facts.decision = decision;
    facts.reason = facts.reason === undefined || reason === undefined ? reason : `${reason}:${facts.reason}`;
    const answer = refuse(refusal, refusalContext(path, inbound, about));
    facts.errorCode = answer.errorCode;
    return answer;
  };
}

function refusalContext(
  path: RequestPath,
  { headers }: InboundRequest,
  about: Partial<RefusalContext>,
): RefusalContext {
  const { resourceMetadataUrl } = path;
  return { resourceMetadataUrl, scheme: schemeOf(headers), request: undefined, id: undefined, era: 'modern', ...about };
}

/** The token's subject and agent: from here on every record has a user (R75). */
function callerFacts({ caller }: Authenticated): CallFacts {
  return {
    userId: caller.userId,
    trustProvider: caller.trustProvider,
    clientId: caller.clientId,
    agentName: caller.agentName,
    sid: caller.sid,
  };
}
