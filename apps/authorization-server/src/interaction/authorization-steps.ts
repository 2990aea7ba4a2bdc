import { agentAssurance, agentName, changedSince, consentDigest, type Shown } from '@sallyport/authorization';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { hasCode, SallyportError, type Clock } from '@sallyport/kernel';
import type { Html } from '@sallyport/pages';
import type { AuthorizationEngine, PendingAuthorization } from '../engine/engine.js';
import type { Admission, Admissions, AgentFacts } from '../entitlement/admission.js';
import type { BrowserBinding } from '../federation/browser-binding.js';
import type { SignIn } from '../federation/sign-in.js';
import type { RequestLimits } from '../limits/request-limits.js';
import type { NoteEvent } from '@sallyport/trail';
import { accountsPage } from '../pages/accounts-page.js';
import { consentPage } from '../pages/consent-page.js';
import { deniedPage, messagePage } from '../pages/message-pages.js';
import { backToAgentPage, toProviderPage } from '../pages/onward-pages.js';
import { shownFields } from '../pages/shown-fields.js';
import { signInPage } from '../pages/sign-in-page.js';
import type { AgentSessions } from '../storage/agent-sessions.js';
import type { User, Users } from '../storage/users.js';
import { changeWords } from './change-words.js';
import { consentQuestion, denialShown, signInShown, type ConsentQuestion } from './consent-question.js';
import { denialWords, mayFreshSignInHelp } from './denial-words.js';
import { mintGrant } from './mint-grant.js';
import { expired, forged, redirect, show, type NextStep } from './next-step.js';
import type { Visit } from './visit.js';

export interface AuthorizationStepsParts {
  readonly engine: AuthorizationEngine;
  readonly configuration: { snapshot(): ConfigurationSnapshot };
  readonly admissions: Admissions;
  readonly signIn: SignIn;
  readonly binding: BrowserBinding;
  readonly users: Users;
  readonly sessions: AgentSessions;
  readonly limits: Pick<RequestLimits, 'admitPageOf'>;
  readonly record: NoteEvent;
  readonly clock: Clock;
  /** Where people connect their accounts. */
  readonly accountUrl: string;
}

/**
 * What happens between an agent's authorization request and the code, in this order and no other: the agent is named,
 * the human signs in, policy is asked, the human consents, a grant of its own is minted (S3, S4). Every form carries
 * what its page showed, signed for this browser and this interaction; what became another since is shown again (S35).
 */
export class AuthorizationSteps {
  readonly #parts: AuthorizationStepsParts;

  constructor(parts: AuthorizationStepsParts) {
    this.#parts = parts;
  }

  async show(visit: Visit): Promise<NextStep> {
    const pending = await this.#pending(visit);
    if (!pending) return expired;
    return pending.step === 'sign-in' ? this.#askToSignIn(visit, pending) : this.#askForConsent(visit, pending);
  }

  /** Sends the browser on to the identity provider that was chosen. */
  async signIn(visit: Visit, form: Readonly<Record<string, unknown>>): Promise<NextStep> {
    const pending = await this.#pending(visit);
    if (!pending) return expired;
    const shown = this.#readForm(visit, form);
    if (shown === undefined) return forged;
    const changed = changedSince(shown, signInShown(this.#snapshot(), pending));
    if (changed.length > 0) return this.#askToSignIn(visit, pending, changeWords(changed));
    const provider = this.#snapshot().get('TrustProvider', String(form['provider']));
    if (!provider) return expired;
    return this.#federate(visit, pending, provider.name, { endsChain: true });
  }

  /** The browser is back from the identity provider, on this interaction's own path. */
  async signedIn(visit: Visit): Promise<NextStep> {
    const pending = await this.#pending(visit);
    const authentication = pending && (await this.#parts.signIn.collect(visit.uid, visit.browser));
    if (!pending || !authentication) return expired;
    const now = Math.floor(this.#parts.clock() / 1000);
    if (
      this.#snapshot().revocations.isRevoked({
        userId: authentication.userId,
        clientId: pending.agent.clientId,
        sid: '',
        issuedAt: now,
      })
    ) {
      this.#parts.record({
        type: 'user.sign_in_failed',
        address: visit.sourceIp,
        userId: authentication.userId,
        clientId: pending.agent.clientId,
        reason: 'revoked',
      });
      return show(deniedPage(pending, denialWords('revoked'), this.#fields(visit, denialShown(pending))), 403);
    }
    return redirect(await this.#parts.engine.signedIn(visit.request, visit.response, authentication));
  }

  async consent(visit: Visit, form: Readonly<Record<string, unknown>>): Promise<NextStep> {
    if (form['decision'] !== 'allow') return this.deny(visit, form);
    const pending = await this.#pending(visit);
    if (!pending) return this.#answered(visit, form);
    const shown = this.#readForm(visit, form);
    if (shown === undefined) return forged;
    // A sign-in is asked for first, whoever is signed in already.
    if (pending.step !== 'consent') return this.show(visit);
    const asked = await this.#decide(visit, pending);
    if (!asked?.admission.admitted) return this.show(visit); // something changed while the page was open
    const question = consentQuestion(this.#snapshot(), pending, asked.user, asked.admission);
    const changed = changedSince(shown, question.shown);
    if (changed.length > 0) return this.#showConsent(visit, pending, question, changeWords(changed));
    return this.#orAnswered(visit, form, () =>
      this.#grant(visit, pending, asked, { scopes: question.granted, isRemembered: false }),
    );
  }

  /** Another press of the same form may have been answered since this one was read. */
  async #orAnswered(
    visit: Visit,
    form: Readonly<Record<string, unknown>>,
    decide: () => Promise<NextStep>,
  ): Promise<NextStep> {
    try {
      return await decide();
    } catch (error) {
      if (hasCode(error, 'interaction_gone')) return this.#answered(visit, form);
      throw error;
    }
  }

  /** A form that was sent twice: whoever pressed it is told what the agent was told. */
  async #answered(visit: Visit, form: Readonly<Record<string, unknown>>): Promise<NextStep> {
    const back = this.#readForm(visit, form) === undefined ? undefined : await this.#parts.engine.answered(visit.uid);
    return back ? show(backToAgentPage(back)) : expired;
  }

  async deny(visit: Visit, form: Readonly<Record<string, unknown>>): Promise<NextStep> {
    const pending = await this.#pending(visit);
    if (!pending) return this.#answered(visit, form);
    if (this.#readForm(visit, form) === undefined) return forged; // a no is a no, whatever became another meanwhile
    const { agent, authentication } = pending;
    const { userId } = authentication ?? {};
    const onRefusal = () =>
      this.#parts.record({
        type: 'agent.consent_denied',
        address: visit.sourceIp,
        userId,
        clientId: agent.clientId,
        agentName: agentName(agent),
      });
    const refusal = { description: 'the authorization was not granted', onRefusal };
    return this.#orAnswered(visit, form, async () =>
      redirect(await this.#parts.engine.refuse(visit.request, visit.response, refusal)),
    );
  }

  async #askToSignIn(visit: Visit, pending: PendingAuthorization, why?: string): Promise<NextStep> {
    const providers = this.#snapshot().all('TrustProvider');
    const [only] = providers;
    if (!only)
      return show(messagePage('Nobody can sign in yet', 'No identity provider is configured for this gateway.'), 503);
    if (pending.agent.registeredBy === 'first-party' && providers.length === 1 && why === undefined)
      return this.#federate(visit, pending, only.name);
    const choices = providers.map(({ name, spec }) => ({ name, title: spec.displayName ?? name, issuer: spec.issuer }));
    return show(
      signInPage({
        pending,
        providers: choices,
        fields: this.#fields(visit, signInShown(this.#snapshot(), pending)),
        why,
      }),
    );
  }

  async #federate(
    visit: Visit,
    pending: PendingAuthorization,
    providerName: string,
    { endsChain } = { endsChain: false },
  ): Promise<NextStep> {
    const provider = this.#snapshot().get('TrustProvider', providerName);
    if (!provider) return expired;
    try {
      const to = await this.#parts.signIn.start(provider, {
        interaction: visit.uid,
        browser: visit.browser[0],
        forceFreshSignIn: pending.authentication !== undefined,
        loginHint: pending.loginHint,
      });
      return endsChain ? show(toProviderPage(provider.spec.displayName ?? provider.name, to.href)) : redirect(to.href);
    } catch (error) {
      if (!hasCode(error, 'trust_provider_unavailable')) throw error;
      this.#parts.record({
        type: 'user.sign_in_failed',
        address: visit.sourceIp,
        trustProvider: provider.name,
        clientId: pending.agent.clientId,
        reason: error.code,
        detail: { cause: error.message },
      });
      return show(
        messagePage('Signing in is not possible now', error.message, {
          link: { to: `/interaction/${visit.uid}`, text: 'Try again' },
        }),
        502,
      );
    }
  }

  async #askForConsent(visit: Visit, pending: PendingAuthorization): Promise<NextStep> {
    const asked = await this.#decide(visit, pending);
    if (!asked) return this.#askToSignIn(visit, pending);
    const { user, agent, admission } = asked;
    if (!admission.admitted) {
      if (!pending.freshlySignedIn && mayFreshSignInHelp(admission.reason))
        return this.#askToSignIn(visit, pending, denialWords(admission.reason));
      this.#parts.record({
        type: 'token.refused',
        address: visit.sourceIp,
        userId: user.id,
        trustProvider: user.trustProvider,
        clientId: agent.clientId,
        agentName: agent.name,
        reason: `${admission.reason} (${admission.policy ?? 'revocation'})`,
      });
      return show(deniedPage(pending, denialWords(admission.reason), this.#fields(visit, denialShown(pending))), 403);
    }
    const question = consentQuestion(this.#snapshot(), pending, user, admission);
    const digest = consentDigest(pending.agent, pending.redirectUri, question.granted);
    // No code without a click of this very request, for an agent that only asserts who it is and for what administers.
    const clicked =
      (pending.freshlySignedIn || agent.assurance !== 'asserted') && pending.agent.registeredBy !== 'built-in';
    if (
      clicked &&
      !pending.consentRequested &&
      (await this.#parts.sessions.consented(user.id, agent.clientId)) === digest
    )
      return this.#grant(visit, pending, asked, { scopes: question.granted, isRemembered: true });
    return this.#showConsent(visit, pending, question);
  }

  #showConsent(
    visit: Visit,
    pending: PendingAuthorization,
    { user, scopes, withheld, administers, shown }: ConsentQuestion,
    changed?: string,
  ): NextStep {
    return show(
      consentPage({ pending, user, scopes, withheld, administers, fields: this.#fields(visit, shown), changed }),
    );
  }

  async #grant(
    visit: Visit,
    pending: PendingAuthorization,
    { user, agent }: { user: User; agent: AgentFacts },
    { scopes, isRemembered }: { scopes: readonly string[]; isRemembered: boolean },
  ): Promise<NextStep> {
    const to = await mintGrant(this.#parts, visit, pending, { user, agent, scopes, isRemembered });
    const isOffered =
      pending.agent.registeredBy !== 'built-in' &&
      this.#snapshot().get('AuthorizationServer', 'default')?.spec.offerAccounts === true;
    return isOffered && !isRemembered
      ? show(accountsPage({ agentName: agent.name, accountUrl: this.#parts.accountUrl, continueTo: to }))
      : redirect(to);
  }

  async #decide(
    visit: Visit,
    pending: PendingAuthorization,
  ): Promise<{ user: User; agent: AgentFacts; admission: Admission } | undefined> {
    const { authentication } = pending;
    const user = authentication && (await this.#parts.users.find(authentication.userId));
    if (!authentication || !user) return undefined;
    const agent = {
      clientId: pending.agent.clientId,
      name: agentName(pending.agent),
      assurance: agentAssurance(pending.agent, pending.redirectUri),
      isKeyBound: pending.isKeyBound,
    };
    const since = Math.floor(this.#parts.clock() / 1000);
    // A sign-in from before the user was revoked consents to nothing any more, also when the page was open meanwhile.
    const isVoid = this.#snapshot().revocations.isRevoked({
      userId: user.id,
      clientId: '',
      sid: '',
      issuedAt: authentication.signedInAt,
    });
    if (isVoid) return { user, agent, admission: { admitted: false, reason: 'revoked', policy: null } };
    return {
      user,
      agent,
      admission: this.#parts.admissions.decide(user, agent, authentication, { sid: '', since }, visit.sourceIp),
    };
  }

  async #pending(visit: Visit): Promise<PendingAuthorization | undefined> {
    const pending = await this.#parts.engine.pending(visit.request, visit.response, visit.sourceIp);
    if (pending?.uid !== visit.uid) return undefined;
    const refusal = this.#parts.limits.admitPageOf(visit.uid);
    if (refusal)
      throw new SallyportError('interaction_not_now', 'Too many pages of one authorization request were asked for.');
    return pending;
  }

  #snapshot(): ConfigurationSnapshot {
    return this.#parts.configuration.snapshot();
  }

  #fields({ browser, uid }: Visit, shown: Shown): Html {
    return shownFields(this.#parts.binding.sign(browser, uid, shown));
  }

  /** @returns what the page of this form showed, if it is a form of ours */
  #readForm({ browser, uid }: Visit, form: Readonly<Record<string, unknown>>): string | undefined {
    return this.#parts.binding.read(browser, uid, form);
  }
}
