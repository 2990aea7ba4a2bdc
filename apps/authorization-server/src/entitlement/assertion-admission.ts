import { randomUUID } from 'node:crypto';
import { agentAssurance, agentName, assuranceWithKey } from '@sallyport/authorization';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import type { IdentityAssertions } from '../assertion/identity-assertion.js';
import type { AssertionRequest, AssertionVerdict, Authentication } from '../engine/engine.js';
import type { AgentSessions } from '../storage/agent-sessions.js';
import type { Users } from '../storage/users.js';
import { knownScopes } from './known-scopes.js';
import { tokenClaims, type Admissions } from './admission.js';

/**
 * Decides whether a user may come in through an agent on their identity provider's word. The consent is the company's,
 * which decided it when it issued the assertion; whether it is enough is decided here, by the same policies and roles
 * as after a sign-in. Roles come from what the assertion itself says, never from what an earlier sign-in said.
 */
export class AssertionAdmissions {
  readonly #configuration: { snapshot(): ConfigurationSnapshot };
  readonly #assertions: IdentityAssertions;
  readonly #admissions: Admissions;
  readonly #users: Users;
  readonly #sessions: AgentSessions;
  readonly #clock: Clock;

  constructor(parts: {
    configuration: { snapshot(): ConfigurationSnapshot };
    assertions: IdentityAssertions;
    admissions: Admissions;
    users: Users;
    sessions: AgentSessions;
    clock: Clock;
  }) {
    this.#configuration = parts.configuration;
    this.#assertions = parts.assertions;
    this.#admissions = parts.admissions;
    this.#users = parts.users;
    this.#sessions = parts.sessions;
    this.#clock = parts.clock;
  }

  async admit({
    agent,
    assertion: token,
    requestedScopes,
    provenKey,
    sourceIp,
  }: AssertionRequest): Promise<AssertionVerdict> {
    const { clientId } = agent;
    const facts = {
      clientId,
      name: agentName(agent),
      assurance: agentAssurance(agent, ''),
      isKeyBound: provenKey !== undefined,
    };
    const read = await this.#assertions.read(token, { clientId, provenKey });
    if (!read.ok)
      return { admitted: false, error: read.error, reason: read.reason, subject: { clientId, agentName: facts.name } };

    const { mapped, issuedAt, scopes: asserted, use } = read.assertion;
    const now = new Date(this.#clock());
    const seconds = Math.floor(now.getTime() / 1000);
    const { id } = await this.#users.asserted(mapped.identity, now);
    const user = { ...mapped.identity, id };
    const subject = { userId: user.id, trustProvider: user.trustProvider, clientId, agentName: facts.name };
    // What was not said was long ago.
    const authentication: Authentication = {
      userId: user.id,
      authTime: Math.min(mapped.authTime ?? 0, seconds),
      acr: mapped.acr,
      amr: mapped.amr,
    };
    // An assertion made before somebody was revoked is none of the sign-ins that count afterwards.
    const admission = this.#admissions.decide(
      user,
      facts,
      authentication,
      { sid: '', since: Math.min(issuedAt, seconds) },
      sourceIp,
    );
    if (!admission.admitted)
      return {
        admitted: false,
        error: 'invalid_grant',
        reason: admission.policy === null ? admission.reason : `${admission.reason} (${admission.policy})`,
        subject,
      };
    if (!(await use()))
      return { admitted: false, error: 'invalid_grant', reason: 'identity assertion: replayed', subject };

    const known = knownScopes(this.#configuration.snapshot());
    const asked = requestedScopes?.filter((scope) => known.has(scope)) ?? [];
    const scopes = new Set(
      asserted.filter((scope) => admission.scopes.has(scope) && (asked.length === 0 || asked.includes(scope))),
    );
    const assurance = assuranceWithKey(facts.assurance, facts.isKeyBound);
    const session = { userId: user.id, clientId, agentName: facts.name, assurance: facts.assurance };
    const grantId = randomUUID();
    const sid = await this.#sessions.start(session, grantId, now);
    return {
      admitted: true,
      userId: user.id,
      grantId,
      scopes,
      claims: tokenClaims({ user, session: { ...session, sid }, assurance, roles: admission.roles, authentication }),
      subject: { ...subject, sid },
    };
  }
}
