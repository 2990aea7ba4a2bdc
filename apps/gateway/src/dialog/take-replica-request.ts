import type { ReplicaRequest } from '@sallyport/messages';
import type { RequestPath } from '../request-path/request-path.js';
import { resumeForReplica } from './resume-call.js';

/** What another replica says to this one. @returns whether anybody here waited for it. */
export async function takeReplicaRequest(path: RequestPath, request: ReplicaRequest, from: string): Promise<boolean> {
  switch (request.type) {
    case 'answer':
      return path.questions.settle(request.question, request.answer);
    case 'cancel':
      return path.openCalls.cancel(request.sessionId, request.requestId);
    case 'log-level':
      path.logLevels.remember({ id: request.sessionId, log: { level: request.level, setAt: request.setAt } });
      return true;
    case 'subscription': {
      const { sessionId, server, uri, isWanted } = request;
      path.resourceSubscriptions.set(sessionId, { server, uri }, isWanted);
      return true;
    }
    case 'proofs-seen':
      path.seenProofs.heard(request.seen);
      return true;
    case 'resume':
      return await resumeForReplica(path, request, from);
    case 'piece':
      return await path.remoteExchanges.take(request.exchange, request);
    case 'abandon':
      return path.remoteExchanges.abandon(request.exchange);
  }
}
