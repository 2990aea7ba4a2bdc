import type { AccessTokenVerifier } from '@sallyport/access-token';
import type { ReplicaRequest } from '@sallyport/messages';
import type { Call } from '../call/call.js';
import { CallNotes } from '../call/call-notes.js';
import type { OpenCall, OpenCalls } from '../call/open-calls.js';
import { schemeOf } from '../protocol/authorization-header.js';
import { endingWith } from '../protocol/exchange.js';
import type { AnswerPiece } from '../protocol/exchange.js';
import { pieceEnd } from '../protocol/piece-end.js';
import { refuse } from '../protocol/refuse.js';
import type { RemoteExchanges } from '../replicas/remote-exchanges.js';
import type { ReplicaLink } from '../replicas/replica-link.js';
import type { RelayUses } from './relay-answer.js';
import { ownerOf, resumed } from './resume-call.js';
import type { RefuseLate } from './server-call.js';

export interface ResumeForReplicaUses extends RelayUses {
  readonly verifier: AccessTokenVerifier;
  readonly openCalls: OpenCalls;
  readonly link: ReplicaLink;
  readonly remoteExchanges: RemoteExchanges;
}

/** Text of one piece on the bus: sealed, and were it all of three bytes a character, still below the bus's limit. */
const PIECE_CHARACTERS = 192 * 1024;
/** A client elsewhere that takes nothing for this long is gone. */
const PIECE_MS = 30_000;
const SIGN_OF_LIFE_MS = 2_000;

/**
 * Another replica's client retried a call parked here: what the server says goes there, piece by piece, as fast as the
 * client takes it.
 */
export async function resumeForReplica(
  uses: ResumeForReplicaUses,
  request: Extract<ReplicaRequest, { type: 'resume' }>,
  from: string,
): Promise<boolean> {
  // Its proof, if it needs one, was checked where it was shown.
  const verification = await uses.verifier.recheck(request.token);
  if (!verification.ok) return false;
  const parked = uses.parkedCalls.take(request.park, ownerOf(verification.caller, request.connectionId));
  if (parked === undefined) return false;
  const before = parked.serverCall.call;
  const gone = new AbortController();
  const open: OpenCall = {
    verified: verification,
    endsWithToken: false,
    sessionId: undefined,
    requestId: request.requestId,
    end: () => gone.abort(),
    watch: before.open.watch,
  };
  const call: Call = {
    ...before,
    caller: verification.caller,
    token: request.token,
    open,
    notes: new CallNotes(), // it is recorded where its client is
    request: { ...before.request, id: request.requestId, meta: request.meta },
    inbound: endingWith(before.inbound, gone.signal),
  };
  const refuseLate: RefuseLate = (refusal) =>
    refuse(refusal, {
      resourceMetadataUrl: before.inbound.asked.metadata,
      scheme: schemeOf(before.inbound.headers),
      request: call.request,
      id: undefined,
      era: 'modern',
    });
  const leave = uses.openCalls.add(open);
  const forget = uses.remoteExchanges.served(request.exchange, () => gone.abort());
  const over = () => {
    leave();
    forget();
  };
  // What breaks here falls silent there, and its client is told so.
  void sendPieces(uses, from, request.exchange, resumed(uses, parked, call, refuseLate, request.responses), gone).then(
    over,
    over,
  );
  return true;
}

async function sendPieces(
  { link }: ResumeForReplicaUses,
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
    for await (const piece of pieces) {
      const text = typeof piece.text === 'string' ? piece.text : Buffer.from(piece.text).toString('utf8');
      for (let start = 0, end = 0; start < text.length && !gone.signal.aborted; start = end) {
        end = pieceEnd(text, start, PIECE_CHARACTERS);
        await send(text.slice(start, end), piece.last && end >= text.length);
      }
      if (gone.signal.aborted) return;
    }
  } finally {
    clearInterval(signs);
  }
}
