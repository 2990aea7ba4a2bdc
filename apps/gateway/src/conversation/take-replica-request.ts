import type { ReplicaRequest } from '@sallyport/messages';
import type { ProofGossip } from '../replicas/proof-gossip.js';
import type { LogLevels } from '../session/log-levels.js';
import type { ResourceSubscriptions } from '../session/resource-subscriptions.js';
import type { OpenQuestions } from './open-questions.js';
import type { OwnedSession } from '../session/session-notes.js';
import { resumeForReplica } from './resume-for-replica.js';
import type { ResumeForReplicaUses } from './resume-for-replica.js';

export interface TakeReplicaRequestUses extends ResumeForReplicaUses {
  readonly questions: OpenQuestions;
  readonly logLevels: LogLevels;
  readonly resourceSubscriptions: ResourceSubscriptions;
  /** Used proofs, of all gateways. */
  readonly seenProofs: ProofGossip;
}

/** What another replica says to this one. @returns whether anybody here waited for it. */
export async function takeReplicaRequest(
  uses: TakeReplicaRequestUses,
  request: ReplicaRequest,
  from: string,
): Promise<boolean> {
  switch (request.type) {
    case 'answer':
      return uses.questions.settle(request.question, request.answer);
    case 'cancel':
      return uses.openCalls.cancel(request.sessionId, request.requestId);
    case 'log-level':
      return uses.logLevels.remember(sessionOf(request), { level: request.level, setAt: request.setAt }) === undefined;
    case 'subscription':
      return (
        uses.resourceSubscriptions.set(
          sessionOf(request),
          { server: request.server, uri: request.uri },
          request.isWanted,
        ) === undefined
      );
    case 'proofs-seen':
      uses.seenProofs.heard(request.seen);
      return true;
    case 'resume':
      return await resumeForReplica(uses, request, from);
    case 'piece':
      return await uses.remoteExchanges.take(request.exchange, request);
    case 'abandon':
      return uses.remoteExchanges.abandon(request.exchange);
  }
}

const sessionOf = ({
  sessionId,
  userId,
  expiresAt,
}: Extract<ReplicaRequest, { sessionId: string; userId: string }>): OwnedSession => ({
  id: sessionId,
  userId,
  expiresAt,
});
