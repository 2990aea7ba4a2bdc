import { consentDigest, redirectHost } from '@sallyport/authorization';
import type { Clock } from '@sallyport/kernel';
import type { AuthorizationEngine, PendingAuthorization } from '../engine/engine.js';
import type { AgentFacts } from '../entitlement/admission.js';
import type { NoteEvent } from '@sallyport/trail';
import type { AgentSessions } from '../storage/agent-sessions.js';
import type { User } from '../storage/users.js';
import type { Visit } from './visit.js';

interface Parts {
  readonly engine: Pick<AuthorizationEngine, 'grant'>;
  readonly sessions: AgentSessions;
  readonly record: NoteEvent;
  readonly clock: Clock;
}

export interface AgreedGrant {
  readonly user: User;
  readonly agent: AgentFacts;
  readonly scopes: readonly string[];
  /** Agreed to at an earlier authorization, and the same now. */
  readonly isRemembered: boolean;
}

/** Mints a grant and begins the agent session it stands for (S4). @returns where the browser goes next */
export async function mintGrant(
  { engine, sessions, record, clock }: Parts,
  visit: Visit,
  pending: PendingAuthorization,
  { user, agent, scopes, isRemembered }: AgreedGrant,
): Promise<string> {
  const at = new Date(clock());
  const onGrant = async (grantId: string): Promise<void> => {
    const agreed = consentDigest(pending.agent, pending.redirectUri, scopes);
    if (!isRemembered) await sessions.rememberConsent(user.id, agent.clientId, agreed, at);
    const place = {
      redirectHost: redirectHost(pending.redirectUri),
      userAgent: visit.request.headers['user-agent'],
      sourceAddress: visit.sourceIp,
    };
    const session = {
      userId: user.id,
      clientId: agent.clientId,
      agentName: agent.name,
      assurance: agent.assurance,
      identitySessionId: pending.authentication?.identitySessionId,
      place,
    };
    const sid = await sessions.start(session, grantId, at);
    record({
      type: 'agent.consented',
      address: visit.sourceIp,
      userId: user.id,
      trustProvider: user.trustProvider,
      clientId: agent.clientId,
      agentName: agent.name,
      sid,
      detail: { remembered: isRemembered, scope: scopes.join(' ') },
    });
  };
  return engine.grant(visit.request, visit.response, { userId: user.id, clientId: agent.clientId, scopes, onGrant });
}
