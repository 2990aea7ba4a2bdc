import { randomUUID } from 'node:crypto';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { namedId, type Clock } from '@sallyport/kernel';
import { compilePolicies, decideConnect, MACHINES, scopesForRoles, type AgentAssurance } from '@sallyport/policy';
import { administratorRolesOf } from '@sallyport/policy/administrators';
import type { MachineRequest, TokenVerdict } from '../engine/engine.js';
import type { EndSession } from '../lifecycle/end-session.js';
import type { AgentSession, AgentSessions } from '../storage/agent-sessions.js';
import { lifetimesOf, overdue } from './lifetimes.js';

/**
 * Decides whether an agent may come in on its own (R5). It is no user: its subject is derived from its name and has a
 * prefix of its own (S1), its roles are its own, no sign-in stands behind it, and only policies that name machines let
 * it in; at the admin API, only an `Administrators` document does. All its tokens belong to one agent session, until
 * that ends; since it authenticates each time, the next token opens another.
 */
export class MachineAdmissions {
  readonly #configuration: { snapshot(): ConfigurationSnapshot };
  readonly #sessions: AgentSessions;
  readonly #endSession: EndSession;
  readonly #clock: Clock;

  constructor(parts: {
    configuration: { snapshot(): ConfigurationSnapshot };
    sessions: AgentSessions;
    endSession: EndSession;
    clock: Clock;
  }) {
    this.#configuration = parts.configuration;
    this.#sessions = parts.sessions;
    this.#endSession = parts.endSession;
    this.#clock = parts.clock;
  }

  async admit({ clientId, authMethod, isKeyBound, sourceIp, resource }: MachineRequest): Promise<TokenVerdict> {
    const snapshot = this.#configuration.snapshot();
    const spec = snapshot.get('Agent', clientId)?.spec;
    const userId = namedId('agt', clientId);
    const subject = { userId, clientId, agentName: spec?.displayName };
    if (!spec?.machine) return { admitted: false, reason: 'not an agent without a human', subject };
    const assurance: AgentAssurance =
      authMethod === 'private_key_jwt' || spec.authentication.method === 'workload' ? 'key-authenticated' : 'asserted';
    const now = this.#clock();
    const { roles } = spec.machine;
    const facts = {
      userId,
      trustProvider: MACHINES,
      subject: clientId,
      groups: [],
      roles,
      clientId,
      agentName: spec.displayName,
      agentAssurance: assurance,
      isKeyBound,
      authTime: 0,
      acr: undefined,
      amr: [],
    };
    if (snapshot.revocations.isRevoked({ userId, clientId, sid: '', issuedAt: Math.floor(now / 1000) }))
      return { admitted: false, reason: 'revoked', subject };
    // Who administers says nothing of the servers behind the gateway, and the other way round.
    const isForApi = resource === 'api';
    if (isForApi && administratorRolesOf(snapshot, { type: 'agent', clientId }).length === 0)
      return { admitted: false, reason: 'no administrator', subject };
    const decision = isForApi ? undefined : decideConnect(compilePolicies(snapshot), facts, { sourceIp, now });
    if (decision?.outcome === 'deny')
      return { admitted: false, reason: `${decision.reason} (${decision.policy})`, subject };

    const sid = await this.#session({ userId, clientId, agentName: spec.displayName, assurance }, snapshot, sourceIp);
    const claims = {
      roles: isForApi ? [] : roles,
      groups: [],
      sid,
      auth_time: 0,
      amr: [],
      idp: MACHINES,
      idp_sub: clientId,
      agent_name: spec.displayName,
      agent_assurance: assurance,
      human_present: false,
    };
    const scopes = isForApi ? new Set<string>() : scopesForRoles(snapshot, roles);
    return { admitted: true, scopes, claims, subject: { ...subject, sid } };
  }

  async #session(
    agent: Pick<AgentSession, 'userId' | 'clientId' | 'agentName' | 'assurance'>,
    snapshot: ConfigurationSnapshot,
    sourceIp: string | null,
  ): Promise<string> {
    const now = new Date(this.#clock());
    const current = await this.#sessions.findMachine(agent.userId, agent.clientId);
    if (current) {
      const { userId, clientId, sid, createdAt } = current;
      const over =
        overdue(current, lifetimesOf(snapshot), Math.floor(now.getTime() / 1000)) ??
        (snapshot.revocations.isRevoked({ userId, clientId, sid, issuedAt: createdAt }) ? 'revoked' : undefined);
      if (over === undefined && current.assurance === agent.assurance) {
        await this.#sessions.used(sid, now, sourceIp);
        return sid;
      }
      await this.#endSession(sid, over ?? 'authenticates in another way now');
    }
    return this.#sessions.start(agent, randomUUID(), now);
  }
}
