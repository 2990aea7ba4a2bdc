import { randomBytes } from 'node:crypto';
import type { DocumentOf } from '@sallyport/configuration';
import { isResponseTo, withValue } from '@sallyport/mcp-relay';
import type { JsonObject, RequestId, ServerMessage } from '@sallyport/mcp-relay';
import type { ReplicaRequest } from '@sallyport/messages';
import type { Answer, AnswerPiece } from '../http/exchange.js';
import { pieceEnd } from '../http/piece-end.js';
import type { CredentialLease } from '../outbound/credential-leases.js';
import { titleOf } from '../outbound/server-title.js';
import { schemeOf } from '../request-path/authenticate.js';
import type { OpenCall } from '../request-path/open-calls.js';
import { operationOf } from '../request-path/reach.js';
import { refuse } from '../request-path/refuse.js';
import type { Refusal } from '../request-path/refusal.js';
import { dialogue, streamOf } from '../request-path/relay-answer.js';
import type { Call, RequestPath } from '../request-path/request-path.js';
import type { RefuseLate } from '../request-path/server-call.js';
import { openRequestState } from '../session/request-state.js';
import type { ParkedCall, ParkedFor } from './parked-calls.js';
import { fitsLink } from './replica-link.js';

/** The retry that goes on with a parked call: authenticated, decided and leased anew like any other (security rule S16). */
export interface Retried {
  readonly call: Call;
  readonly server: DocumentOf<'McpServer'>;
  readonly lease: CredentialLease;
  readonly refuseLate: RefuseLate;
}

/** Where the call is parked that this retry belongs to, if it belongs to one. */
export function parkedPlace(
  call: Call,
  server: string,
): { readonly replica: string; readonly park: string } | undefined {
  const { requestState } = call.request.retry;
  const state =
    requestState === undefined
      ? undefined
      : openRequestState(call.path.sealer, call.caller, operationOf(call, server), requestState, call.now);
  return state?.kind === 'parked' ? state.parked : undefined;
}

/** A replica that does not answer within this is not there: the client is told so within a second. */
const REACH_MS = 800;

/** Goes on with it here, or at the replica that holds its stream. One that is gone is a call to be made again. */
export async function resumeCall(
  { call, server, lease, refuseLate }: Retried,
  { replica, park }: { replica: string; park: string },
  responses: JsonObject,
): Promise<Answer | Refusal> {
  const {
    path,
    caller,
    request: { id, meta },
    token,
  } = call;
  const lost: Refusal = { refused: 'server-unavailable', title: titleOf(server), reason: 'parked-call-lost' };
  if (replica === path.replica) {
    const parked = path.parkedCalls.take(park, ownerOf(caller, lease.connectionId));
    return parked === undefined ? lost : streamOf(resumed(parked, call, refuseLate, responses));
  }
  // The call stays parked, for an answer that can be brought there.
  if (!fitsLink([responses, meta])) return { refused: 'body-too-large' };
  const exchange = randomBytes(16).toString('base64url');
  const abandon = () => void path.link.ask(replica, { type: 'abandon', exchange }, REACH_MS);
  const pieces = path.remoteExchanges.open(exchange, {
    onGone: abandon,
    orElse: () => refuseLate(lost),
    signal: call.inbound.disconnected,
  });
  const reply = await path.link.ask(
    replica,
    {
      type: 'resume',
      park,
      exchange,
      token,
      connectionId: lease.connectionId,
      responses,
      requestId: id,
      ...(meta === undefined ? {} : { meta }),
    },
    REACH_MS,
  );
  if (reply?.taken === true) return streamOf(pieces);
  path.remoteExchanges.close(exchange);
  if (reply === undefined) abandon(); // it may have heard us, and we not it
  return lost;
}

const ownerOf = (caller: Call['caller'], connectionId: string | null): ParkedFor => ({
  userId: caller.userId,
  clientId: caller.clientId,
  sid: caller.sid,
  connectionId,
});

/** Answers the server and relays what it says from then on, to whoever retried. */
function resumed(
  { serverCall, messages, answer }: ParkedCall,
  call: Call,
  refuseLate: RefuseLate,
  responses: JsonObject,
): AsyncGenerator<AnswerPiece> {
  const { disconnected } = call.inbound;
  const end = () => serverCall.work.abort();
  if (disconnected.aborted) end();
  disconnected.addEventListener('abort', end, { once: true });
  answer(responses);
  return dialogue({ ...serverCall, call, refuseLate }, readdressed(messages, serverCall.call.request, call.request));
}

/** The server still answers the first request; the client waits for the answer to its retry. */
async function* readdressed(
  messages: AsyncIterator<ServerMessage>,
  from: Addressee,
  to: Addressee,
): AsyncGenerator<ServerMessage> {
  try {
    for (;;) {
      const { value: message, done } = await messages.next();
      if (done === true) return;
      const { params } = message.value;
      if (isResponseTo(message, from.id)) yield withValue(message, { id: to.id });
      else if (message.value['method'] === 'notifications/progress' && isProgressOf(params, from))
        yield withValue(message, { params: { ...params, progressToken: to.meta?.['progressToken'] } });
      else yield message;
    }
  } finally {
    await messages.return?.();
  }
}

interface Addressee {
  readonly id: RequestId;
  readonly meta: JsonObject | undefined;
}

const isProgressOf = (params: unknown, { meta }: Addressee): params is JsonObject =>
  typeof params === 'object' &&
  params !== null &&
  'progressToken' in params &&
  params.progressToken === meta?.['progressToken'];

/** Text of one piece on the bus: sealed, and were it all of three bytes a character, still below the bus's limit. */
const PIECE_CHARACTERS = 192 * 1024;
/** A client elsewhere that takes nothing for this long is gone. */
const PIECE_MS = 30_000;
const SIGN_OF_LIFE_MS = 2_000;

/** Another replica's client retried a call parked here: what the server says goes there, piece by piece, as fast as the client takes it. */
export async function resumeForReplica(
  path: RequestPath,
  request: Extract<ReplicaRequest, { type: 'resume' }>,
  from: string,
): Promise<boolean> {
  // Its proof, if it needs one, was checked where it was shown.
  const verification = await path.verifier.recheck(request.token);
  if (!verification.ok) return false;
  const parked = path.parkedCalls.take(request.park, ownerOf(verification.caller, request.connectionId));
  if (parked === undefined) return false;
  const before = parked.serverCall.call;
  const gone = new AbortController();
  const open: OpenCall = {
    verified: verification,
    endsWithToken: false,
    sessionId: undefined,
    requestId: request.requestId,
    end: () => gone.abort(),
    lost: (snapshot) => before.open.lost?.(snapshot),
  };
  const call: Call = {
    ...before,
    caller: verification.caller,
    token: request.token,
    open,
    facts: {},
    request: { ...before.request, id: request.requestId, meta: request.meta },
    inbound: { ...before.inbound, disconnected: gone.signal },
  };
  const refuseLate: RefuseLate = (refusal) =>
    refuse(refusal, {
      resourceMetadataUrl: path.resourceMetadataUrl,
      scheme: schemeOf(before.inbound.headers),
      request: call.request,
      id: undefined,
      era: 'modern',
    });
  const leave = path.openCalls.add(open);
  const forget = path.remoteExchanges.served(request.exchange, () => gone.abort());
  const over = () => {
    leave();
    forget();
  };
  // What breaks here falls silent there, and its client is told so.
  void sendPieces(path, from, request.exchange, resumed(parked, call, refuseLate, request.responses), gone).then(
    over,
    over,
  );
  return true;
}

async function sendPieces(
  { link }: RequestPath,
  to: string,
  exchange: string,
  pieces: AsyncIterable<AnswerPiece>,
  gone: AbortController,
): Promise<void> {
  const send = async (text: string, last: boolean) => {
    const reply = await link.ask(to, { type: 'piece', exchange, text, last }, PIECE_MS);
    if (reply?.taken !== true) gone.abort();
  };
  const signs = setInterval(() => void send('', false), SIGN_OF_LIFE_MS);
  try {
    for await (const { text, last } of pieces) {
      for (let start = 0, end = 0; start < text.length && !gone.signal.aborted; start = end) {
        end = pieceEnd(text, start, PIECE_CHARACTERS);
        await send(text.slice(start, end), last && end >= text.length);
      }
      if (gone.signal.aborted) return;
    }
  } finally {
    clearInterval(signs);
  }
}
