import { assuranceWithKey, vouchesFor } from '@sallyport/authorization';
import { isForAdministrators } from '@sallyport/authorization/own-clients';
import type { AdministratorRole, ConfigurationSnapshot } from '@sallyport/configuration';
import type { AgentSessionId, Clock } from '@sallyport/kernel';
import {
  compilePolicies,
  decideConnect,
  rolesFor,
  scopesForRoles,
  type AgentAssurance,
  type ConnectFacts,
  type DenialReason,
} from '@sallyport/policy';
import { administratorRolesOf } from '@sallyport/policy/administrators';
import type { Authentication, LifecycleSubject, TokenRequest, TokenVerdict } from '../engine/engine.js';
import type { EndSession } from '../lifecycle/end-session.js';
import type { IdentityRechecks } from '../federation/identity-rechecks.js';
import type { AgentSessions } from '../storage/agent-sessions.js';
import type { User, Users } from '../storage/users.js';
import { lifetimesOf, overdue } from './lifetimes.js';

/** Who an agent is, for a decision. */
export interface AgentFacts {
  readonly clientId: string;
  readonly name: string;
  /** How sure we are of the agent, whatever key its tokens are bound to. */
  readonly assurance: AgentAssurance;
  readonly isKeyBound: boolean;
}
export type Admission =
  | {
      readonly admitted: true;
      readonly policy: string;
      readonly roles: readonly string[];
      readonly scopes: ReadonlySet<string>;
      /** What the user administers as, through a client for administrators. Not in the token: it may change (S4). */
      readonly administers: readonly AdministratorRole[];
    }
  | {
      readonly admitted: false;
      readonly reason: DenialReason | 'revoked' | 'no_administrator';
      readonly policy: string | null;
    };

/**
 * Decides whether a user may come in through an agent, and with which scopes (R2, R11, R23): before consent and again
 * for every token, from the configuration as it is then: roles and policies are never remembered with a grant (S4).
 */
export class Admissions {
  readonly #configuration: { snapshot(): ConfigurationSnapshot };
  readonly #users: Users;
  readonly #sessions: AgentSessions;
  readonly #endSession: EndSession;
  readonly #rechecks: Pick<IdentityRechecks, 'recheck'>;
  readonly #clock: Clock;

  constructor(parts: {
    configuration: { snapshot(): ConfigurationSnapshot };
    users: Users;
    sessions: AgentSessions;
    endSession: EndSession;
    rechecks: Pick<IdentityRechecks, 'recheck'>;
    clock: Clock;
  }) {
    this.#configuration = parts.configuration;
    this.#users = parts.users;
    this.#sessions = parts.sessions;
    this.#endSession = parts.endSession;
    this.#rechecks = parts.rechecks;
    this.#clock = parts.clock;
  }

  /** Whether the user's trust provider is still there, and still the one they signed in at (S1). */
  isVouchedFor(user: User): boolean {
    const provider = this.#configuration.snapshot().get('TrustProvider', user.trustProvider);
    return provider !== undefined && vouchesFor(provider, user);
  }

  /**
   * @param session.since when the agent session began, in seconds; for one that is about to begin, now and an empty
   *   `sid`
   */
  decide(
    user: User,
    agent: AgentFacts,
    authentication: Authentication,
    session: { sid: string; since: number },
    sourceIp: string | null,
  ): Admission {
    const snapshot = this.#configuration.snapshot();
    if (!this.isVouchedFor(user)) return { admitted: false, reason: 'no_client_to_gateway_policy', policy: null };
    if (
      snapshot.revocations.isRevoked({
        userId: user.id,
        clientId: agent.clientId,
        sid: session.sid,
        issuedAt: session.since,
      })
    )
      return { admitted: false, reason: 'revoked', policy: null };
    if (isForAdministrators(agent.clientId)) return administration(snapshot, user);
    const roles = rolesFor(snapshot, user);
    const facts: ConnectFacts = {
      userId: user.id,
      trustProvider: user.trustProvider,
      subject: user.subject,
      groups: user.groups,
      roles,
      clientId: agent.clientId,
      agentName: agent.name,
      agentAssurance: assuranceWithKey(agent.assurance, agent.isKeyBound),
      isKeyBound: agent.isKeyBound,
      authTime: authentication.authTime,
      acr: authentication.acr,
      amr: authentication.amr,
    };
    const decision = decideConnect(compilePolicies(snapshot), facts, { sourceIp, now: this.#clock() });
    if (decision.outcome === 'deny') return { admitted: false, reason: decision.reason, policy: decision.policy };
    const scopes = scopesForRoles(snapshot, roles);
    return { admitted: true, policy: decision.policy, roles, scopes, administers: [] };
  }

  async admitToken({
    kind,
    grantId,
    clientId,
    authMethod,
    isKeyBound,
    authentication,
    sourceIp,
  }: TokenRequest): Promise<TokenVerdict> {
    const session = await this.#sessions.findByGrant(grantId);
    const known = await this.#users.find(authentication.userId);
    const subject: LifecycleSubject = {
      userId: known?.id,
      trustProvider: known?.trustProvider,
      clientId,
      agentName: session?.agentName,
      sid: session?.sid,
    };
    if (!known || !session || session.clientId !== clientId || session.userId !== known.id)
      return { admitted: false, reason: 'no agent session', subject };
    if (session.ended) return { admitted: false, reason: 'agent session ended', subject };
    const over = overdue(session, lifetimesOf(this.#configuration.snapshot()), Math.floor(this.#clock() / 1000));
    if (over !== undefined) {
      await this.#endSession(session.sid, over);
      return { admitted: false, reason: over, subject };
    }
    // Its assurance was written down with the consent; without the key it would be somebody else's word for it (S2).
    if (session.assurance === 'key-authenticated' && authMethod !== 'private_key_jwt')
      return { admitted: false, reason: 'the agent no longer proves its key', subject };
    const recheck = await this.#rechecks.recheck(known, session.identitySessionId);
    if (recheck.type === 'ended') await this.#endSession(session.sid, recheck.reason);
    if (recheck.type !== 'stands')
      return { admitted: false, reason: recheck.reason, subject, retriable: recheck.type === 'unknown' };
    const user = (await this.#users.find(known.id)) ?? known; // with the groups of just now
    const agent = { clientId, name: session.agentName, assurance: session.assurance, isKeyBound };
    const admission = this.decide(
      user,
      agent,
      authentication,
      { sid: session.sid, since: session.createdAt },
      sourceIp,
    );
    if (!admission.admitted)
      return {
        admitted: false,
        reason: admission.policy === null ? admission.reason : `${admission.reason} (${admission.policy})`,
        subject,
      };
    if (kind === 'refresh') await this.#sessions.used(session.sid, new Date(this.#clock()), sourceIp);
    return {
      admitted: true,
      scopes: admission.scopes,
      subject,
      claims: tokenClaims({
        user,
        session,
        assurance: assuranceWithKey(session.assurance, isKeyBound),
        roles: admission.roles,
        authentication,
      }),
    };
  }
}

/** Whether a user may have a token for the admin API: whoever an `Administrators` document names (S29). */
function administration(snapshot: ConfigurationSnapshot, user: User): Admission {
  const administers = administratorRolesOf(snapshot, { type: 'user', membership: user });
  return administers.length === 0
    ? { admitted: false, reason: 'no_administrator', policy: null }
    : { admitted: true, policy: 'Administrators', roles: [], scopes: new Set(), administers };
}

/** The claims that the gateway needs beyond those of RFC 9068. */
export function tokenClaims(facts: {
  user: User;
  session: { sid: AgentSessionId; agentName: string };
  assurance: AgentAssurance;
  roles: readonly string[];
  authentication: Authentication;
}): Record<string, unknown> {
  const { user, session, assurance, roles, authentication } = facts;
  return {
    roles,
    groups: user.groups,
    sid: session.sid,
    auth_time: authentication.authTime,
    ...(authentication.acr === undefined ? {} : { acr: authentication.acr }),
    amr: authentication.amr,
    idp: user.trustProvider,
    idp_sub: user.subject,
    agent_name: session.agentName,
    agent_assurance: assurance,
  };
}
