import type { RecordRoom } from '@sallyport/event-spool';
import { sourcesIn } from '@sallyport/kernel/json';
import type { JsonSource } from '@sallyport/kernel/json';
import type { RelayAnswer } from '@sallyport/mcp-relay';
import type { Caller, Permit } from '@sallyport/policy';
import type { Admitted, Authenticated, Call } from '../call/call.js';
import type { CallNotes, ExchangeNotes } from '../call/call-notes.js';
import type { TraceCall } from '../call/call-span.js';
import type { CurrentConfiguration } from '../call/configured-for.js';
import { answerOfEnded, endedInTime, Ending } from '../call/ending.js';
import type { OpenCall } from '../call/open-calls.js';
import type { Places } from '../call/places.js';
import { isTarget } from '../call/target.js';
import { followPosted, leaseAndForward } from '../conversation/forward-call.js';
import type { ForwardCallUses, Sendable } from '../conversation/forward-call.js';
import { relayAnswer } from '../conversation/relay-answer.js';
import { leaseAndResume, parkedPlace } from '../conversation/resume-call.js';
import type { ResumeCallUses } from '../conversation/resume-call.js';
import { takeMessage } from '../conversation/take-message.js';
import type { TakeMessageUses } from '../conversation/take-message.js';
import { endSession } from '../operations/end-session.js';
import type { EndSessionUses } from '../operations/end-session.js';
import { perform } from '../operations/perform.js';
import type { Operations } from '../operations/perform.js';
import { withUpdates } from '../operations/updates-during-call.js';
import type { UpdatesUses } from '../operations/updates-during-call.js';
import type { Used } from '../outbound/with-lease.js';
import { classifyMessage } from '../protocol/classify-message.js';
import type { ClientRequest, McpSession } from '../protocol/client-message.js';
import { endingWith } from '../protocol/exchange.js';
import type { Answer, HandledExchange, InboundRequest } from '../protocol/exchange.js';
import { isRefusal } from '../protocol/refusal.js';
import type { EndReason, Refusal } from '../protocol/refusal.js';
import { Stop } from '../protocol/stop.js';
import type { LogLevels } from '../session/log-levels.js';
import type { OpenedSessions } from '../session/mcp-session.js';
import { admit } from './admit.js';
import type { AdmitUses } from './admit.js';
import { answerBatch } from './answer-batch.js';
import { authenticate } from './authenticate.js';
import type { AuthenticateUses } from './authenticate.js';
import { identityOf, readMessage, traceIdIn } from './read-message.js';
import type { ReadMessageUses } from './read-message.js';
import { recorded } from './record-call.js';
import type { CallRecorder } from './record-call.js';
import { refusing, wordRefusal } from './word-refusal.js';

/** What the steps of the path use. Each step sees its own part, and no call carries any of it. */
export interface RequestPath
  extends
    AuthenticateUses,
    AdmitUses,
    ReadMessageUses,
    TakeMessageUses,
    EndSessionUses,
    UpdatesUses,
    ForwardCallUses,
    ResumeCallUses {
  readonly configuration: CurrentConfiguration;
  /**
   * Places for requests that have none among `calls` yet. They are apart, so that the answer to the question of a
   * running call gets in when all places for calls are taken.
   */
  readonly arriving: Places;
  readonly openedSessions: OpenedSessions;
  readonly logLevels: LogLevels;
  readonly operations: Operations;
  /** Room for the record of one call of this user, set aside before anything is done (R74); else why there is none. */
  readonly reserveRecord: (userId: string) => RecordRoom | { readonly unavailable: string } | 'full-of-their-own';
  readonly recorder: CallRecorder;
  /** Absent where traces are off. */
  readonly traceCall?: TraceCall | undefined;
}

/**
 * The request path. A request passes these steps in this order, each a call below:
 *
 * 1. authenticated: `authenticate`, before anything is read of the body (R12)
 * 2. admitted: `admit`, the first hop, before anybody looks at what the request brings (R28)
 * 3. read: `readMessage` and `classifyMessage`
 * 4. target: `perform`, what it asks of which server; what the gateway answers itself ends here, lists and streams too
 * 5. permitted: `decisions.permit`, both hops, now with the operation
 * 6. leased and forwarded: `leaseAndForward`, or `leaseAndResume` for a call whose server asked something
 * 7. answered: `relayAnswer`
 * 8. recorded: `recorded`, before the last byte leaves (R74)
 *
 * Types hold the order: only `admit` makes an Admitted, without which nothing is done for a caller; only `decide` makes
 * a Permit, only a Permit gets a CredentialLease, and only both together reach a server. A refusal is a value; what is
 * broken throws.
 */
export function handleMcpRequest(uses: RequestPath, inbound: InboundRequest): Promise<HandledExchange> {
  return recorded(uses, inbound, (notes) => answerExchange(uses, inbound, notes));
}

/** A call that was begun beside the path, and forwarded; see `begin-warm-call.ts`. */
export interface BegunCall {
  readonly inbound: InboundRequest;
  readonly call: Call;
  readonly permit: Permit;
  readonly target: Sendable;
  readonly posted: Used<RelayAnswer>;
  readonly ending: Ending;
  readonly notes: ExchangeNotes;
}

/** Goes on with a forwarded call whose answer is none that can be passed on as it is: the path from step 6 on. */
export function followCall(uses: RequestPath, begun: BegunCall): Promise<HandledExchange> {
  const { inbound, call, permit, target, posted, ending, notes } = begun;
  const refuse = refusing(inbound, notes, { request: call.request, era: call.request.era });
  const follow = async (): Promise<Answer | Refusal> => {
    const sent = await followPosted(uses, call, permit, target, posted, refuse);
    return isRefusal(sent) ? sent : relayAnswer(uses, sent);
  };
  return recorded(uses, inbound, () => answerUntilEnded(call, ending, refuse, follow), notes);
}

/** What every message of one exchange has in common. */
interface Arrived {
  readonly inbound: InboundRequest;
  readonly authenticated: Authenticated;
  /** A refusal is kept as a value until the id of the message is known. */
  readonly admission: Admitted | Refusal;
  /** Leaves the place among what arrives: a call has one of its own. */
  readonly leave: () => void;
}

async function answerExchange(uses: RequestPath, inbound: InboundRequest, notes: ExchangeNotes): Promise<Answer> {
  const refuse = refusing(inbound, notes);
  const arrived = await arrive(uses, inbound, notes);
  if (isRefusal(arrived)) return refuse(arrived);
  switch (inbound.method) {
    case 'POST': {
      const body = await readMessage(uses, inbound, arrived.authenticated.caller.userId);
      if (isRefusal(body)) return refuse(body);
      notes.read(body);
      return Array.isArray(body.value)
        ? await answerElements(uses, arrived, body.json, body.value, notes)
        : await answerMessage(uses, arrived, body, notes);
    }
    case 'DELETE':
      notes.asked({ method: 'DELETE' });
      return await answerOnce(uses, arrived, notes, (admitted) => endSession(uses, inbound, admitted));
    default:
      return refuse({ type: 'http-method' });
  }
}

/** Authenticates the caller, takes a place for the request, and decides the first hop. */
async function arrive(uses: RequestPath, inbound: InboundRequest, notes: CallNotes): Promise<Arrived | Refusal> {
  // Read twice: nothing is done without a configuration, and what arrives is decided by the newest there is.
  const vouched = uses.configuration();
  if ('unavailable' in vouched) return { type: 'not-ready', reason: vouched.unavailable };
  const repeated = inbound.headers.firstRepeated();
  if (repeated !== undefined) return { type: 'repeated-header', header: repeated };

  const authenticated = await authenticate(uses, inbound);
  if (isRefusal(authenticated)) return authenticated;
  const { userId } = authenticated.caller;
  notes.authenticated(authenticated.caller);

  const leave = uses.arriving.enter(userId);
  if (leave === undefined) return { type: 'too-many', what: 'requests', byAll: uses.arriving.isByAll(userId) };
  inbound.onOver(leave);
  const configuration = uses.configuration();
  if ('unavailable' in configuration) return { type: 'not-ready', reason: configuration.unavailable };
  const admission = admit(uses, inbound, authenticated, configuration.snapshot, notes);
  return { inbound, authenticated, admission, leave };
}

/** A batch: each element goes the whole way on its own. */
async function answerElements(
  uses: RequestPath,
  arrived: Arrived,
  json: string,
  elements: readonly unknown[],
  notes: ExchangeNotes,
): Promise<Answer> {
  const { inbound, authenticated } = arrived;
  const sources = sourcesIn(json, elements);
  const sealed = inbound.headers.get('mcp-session-id');
  const session = sealed === undefined ? undefined : sessionOf(uses, authenticated.caller, sealed);
  const version = session?.version ?? inbound.headers.get('mcp-protocol-version');
  const answer: Answer | Refusal =
    sealed !== undefined && session === undefined
      ? { type: 'session-not-found' }
      : await answerBatch(elements, version, notes, async (value, own, index) => {
          await uses.turns.take(authenticated.caller.userId); // each is as much work as a request of its own
          const source = sources[index] ?? { json: '', value };
          own.read(source);
          const one = await answerMessage(uses, arrived, source, own);
          if (one.body.type === 'text') inbound.bytes.charge(one.body.text.length); // it waits for the others
          return one;
        });
  return isRefusal(answer) ? refusing(inbound, notes, { era: 'legacy' })(answer) : answer;
}

async function answerMessage(
  uses: RequestPath,
  arrived: Arrived,
  source: JsonSource,
  notes: CallNotes,
): Promise<Answer> {
  const { inbound, authenticated } = arrived;
  const { value: body } = source;
  const message = classifyMessage(body, inbound.headers, (sealed) => sessionOf(uses, authenticated.caller, sealed));
  if (isRefusal(message)) return refusing(inbound, notes, identityOf(body, inbound))(message);
  if (message.type === 'request') return await answerRequest(uses, arrived, { ...message.request, source }, notes);
  notes.asked({ method: message.type === 'answer' ? undefined : message.method });
  return await answerOnce(uses, arrived, notes, (admitted) => takeMessage(uses, admitted, message));
}

/** What is no request: it is done when it is answered, and nothing of it goes on. */
async function answerOnce(
  uses: RequestPath,
  { inbound, admission }: Arrived,
  notes: CallNotes,
  act: (admitted: Admitted) => Promise<Answer | Refusal>,
): Promise<Answer> {
  const outcome = isRefusal(admission)
    ? admission
    : (reserveRecord(uses, admission.caller.userId, notes) ?? (await act(admission)));
  if (isRefusal(outcome)) return refusing(inbound, notes)(outcome);
  notes.answered();
  return outcome;
}

async function answerRequest(
  uses: RequestPath,
  arrived: Arrived,
  request: ClientRequest,
  notes: CallNotes,
): Promise<Answer> {
  const { method, version: protocolVersion } = request;
  notes.asked({ method, protocolVersion, traceId: traceIdIn(request) });
  return await inSpanOf(uses, arrived.inbound, request, notes, () => answerAsked(uses, arrived, request, notes));
}

/** Does the work of a call in a span of its own, where traces are on. */
export function inSpanOf<T>(
  { traceCall }: Pick<RequestPath, 'traceCall'>,
  inbound: InboundRequest,
  request: ClientRequest,
  notes: CallNotes,
  work: () => T,
): T {
  if (traceCall === undefined) return work();
  const span = traceCall(inbound, request);
  notes.traced(span);
  return span.run(work);
}

async function answerAsked(
  uses: RequestPath,
  arrived: Arrived,
  request: ClientRequest,
  notes: CallNotes,
): Promise<Answer> {
  const refuse = refusing(arrived.inbound, notes, { request, era: request.era });
  if (isRefusal(arrived.admission)) return refuse(arrived.admission);
  const ending = new Ending(Stop.following(arrived.inbound.disconnected));
  const call = beginCall(uses, arrived, arrived.admission, request, notes, ending);
  if (isRefusal(call)) return refuse(call);
  return await answerUntilEnded(call, ending, refuse, () =>
    withUpdates(uses, call, () => carryOut(uses, call, refuse)),
  );
}

/**
 * Takes a place among the calls, and room for the record: from here on the call is watched, and answered whatever
 * happens.
 */
function beginCall(
  uses: RequestPath,
  { inbound, leave: leaveArriving }: Arrived,
  admitted: Admitted,
  request: ClientRequest,
  notes: CallNotes,
  ending: Ending,
): Call | Refusal {
  const { userId } = admitted.caller;
  const leave = uses.calls.enter(userId);
  if (leave === undefined) return { type: 'too-many', what: 'calls', byAll: uses.calls.isByAll(userId) };
  leaveArriving();
  inbound.onOver(leave);
  const unrecordable = reserveRecord(uses, userId, notes);
  if (unrecordable !== undefined) return unrecordable;
  notes.unlessRecorded((recordId, isDone) =>
    wordRefusal({ type: 'unrecorded', recordId, isDone }, inbound, { request, era: request.era }),
  );
  const open: OpenCall = {
    verified: admitted,
    endsWithToken: request.operation.type === 'listen',
    sessionId: request.session?.id,
    requestId: request.id,
    end: (reason) => ending.end(reason),
  };
  inbound.onOver(uses.openCalls.add(open));
  return { ...admitted, open, inbound: endingWith(inbound, ending.signal), request, notes };
}

/** A call that is ended while it runs is answered as such, and recorded as what was decided on it before. */
async function answerUntilEnded(
  call: Call,
  ending: Ending,
  refuse: (refusal: Refusal) => Answer,
  answerTo: () => Promise<Answer | Refusal>,
): Promise<Answer> {
  const answerOf = (reason: EndReason): Answer => {
    const answer = answerOfEnded(reason, call.inbound.headers, () => refuse({ type: 'ended', reason }));
    call.notes.ended(reason);
    return answer;
  };
  try {
    const outcome = await answerTo();
    if (ending.reason !== undefined) return answerOf(ending.reason);
    if (isRefusal(outcome)) return refuse(outcome);
    call.notes.answered();
    return endedInTime(outcome, ending, answerOf);
  } catch (error) {
    if (ending.reason === undefined) throw error;
    return answerOf(ending.reason);
  }
}

/**
 * Carries a call out: finds its target, gets the permit, leases the credential, forwards the call and relays the
 * answer.
 * @param refuse words a failure that shows after a stream has begun
 */
async function carryOut(
  uses: RequestPath,
  call: Call,
  refuse: (refusal: Refusal) => Answer,
): Promise<Answer | Refusal> {
  const target = await perform(uses.operations, call);
  if (!isTarget(target)) return target;

  const permit = uses.decisions.permit(call, target.server.name, target.action, target.denied);
  if (isRefusal(permit)) return permit;

  const parked = parkedPlace(uses.sealer, call, target.server.name);
  if (parked !== undefined) return await leaseAndResume(uses, call, permit, target, parked, refuse);
  const sent = await leaseAndForward(uses, call, permit, target, refuse);
  return isRefusal(sent) ? sent : relayAnswer(uses, sent);
}

/** A legacy client's session, unless it ended. */
export function sessionOf(uses: RequestPath, caller: Caller, sealed: string): McpSession | undefined {
  const session = uses.openedSessions.open(caller, sealed, uses.clock());
  return session === undefined || uses.endedSessions.has(session.id) ? undefined : uses.logLevels.latest(session);
}

/** Sets room aside for the record of a call: nothing is done that could not be recorded (R74). */
export function reserveRecord(uses: RequestPath, userId: string, notes: CallNotes): Refusal | undefined {
  const room = uses.reserveRecord(userId);
  if (room === 'full-of-their-own') return { type: 'too-many', what: 'records', byAll: false };
  if ('unavailable' in room) return { type: 'not-ready', reason: room.unavailable };
  notes.setAside(room);
  return undefined;
}
