import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  agentAssurance,
  agentName,
  assuranceWithKey,
  changedSince,
  consentDigest,
  grantedScopes,
  redirectHost,
  registrationDigest,
  type Shown,
} from '@sallyport/authorization';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { quotedName, SallyportError, type Clock } from '@sallyport/kernel';
import type { AuthorizationEngine, PendingAuthorization } from '../engine/engine.js';
import type { Admission, Admissions, AgentFacts } from '../entitlement/admission.js';
import type { BrowserBinding } from '../federation/browser-binding.js';
import type { SignIn } from '../federation/sign-in.js';
import type { RecordLifecycle } from '../lifecycle/record-lifecycle.js';
import { accountsPage } from '../pages/accounts-page.js';
import { consentPage } from '../pages/consent-page.js';
import { describeScope } from '../pages/describe-scope.js';
import type { Html } from '../pages/html.js';
import { deniedPage, messagePage } from '../pages/message-pages.js';
import type { Page } from '../pages/page.js';
import { shownFields } from '../pages/shown-fields.js';
import { signInPage } from '../pages/sign-in-page.js';
import type { AgentSessions } from '../storage/agent-sessions.js';
import type { User, Users } from '../storage/users.js';
import { changeWords } from './change-words.js';
import { denialWords, mayFreshSignInHelp } from './denial-words.js';

/** One request of a browser within one interaction. */
export interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly uid: string;
  /** This browser, by our own cookie. */
  readonly browser: string;
  readonly sourceIp: string;
}
export type Answer =
  | { readonly type: 'page'; readonly status: number; readonly page: Page }
  | { readonly type: 'redirect'; readonly to: string };

const redirect = (to: string): Answer => ({ type: 'redirect', to });
const show = (page: Page, status = 200): Answer => ({ type: 'page', status, page });
const expired = show(messagePage('This request has expired', 'Go back to your agent and connect again.'), 400);
const forged = show(
  messagePage(
    'This form cannot be used',
    'It was opened in another browser or too long ago. Go back to your agent and connect again.',
  ),
  403,
);

export interface AuthorizationStepsParts {
  readonly engine: AuthorizationEngine;
  readonly configuration: { snapshot(): ConfigurationSnapshot };
  readonly admissions: Admissions;
  readonly signIn: SignIn;
  readonly binding: BrowserBinding;
  readonly users: Users;
  readonly sessions: AgentSessions;
  readonly record: RecordLifecycle;
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

  async show(visit: Visit): Promise<Answer> {
    const pending = await this.#pending(visit);
    if (!pending) return expired;
    return pending.step === 'sign-in' ? this.#askToSignIn(visit, pending) : this.#askForConsent(visit, pending);
  }

  /** The form of the first page: on to the identity provider. */
  async signIn(visit: Visit, form: Readonly<Record<string, unknown>>): Promise<Answer> {
    const pending = await this.#pending(visit);
    if (!pending) return expired;
    const shown = this.#readForm(visit, form);
    if (shown === undefined) return forged;
    const changed = changedSince(shown, this.#signInChoice(pending));
    if (changed.length > 0) return this.#askToSignIn(visit, pending, changeWords(changed));
    const provider = this.#parts.configuration.snapshot().get('TrustProvider', String(form['provider']));
    if (!provider) return expired;
    return this.#federate(visit, pending, provider.name);
  }

  /** Back from the identity provider, on this interaction's own path. */
  async signedIn(visit: Visit): Promise<Answer> {
    const pending = await this.#pending(visit);
    const authentication = pending && (await this.#parts.signIn.collect(visit.uid, visit.browser));
    if (!pending || !authentication) return expired;
    const now = Math.floor(this.#parts.clock() / 1000);
    if (
      this.#parts.configuration
        .snapshot()
        .revocations.isRevoked({
          userId: authentication.userId,
          clientId: pending.agent.clientId,
          sid: '',
          issuedAt: now,
        })
    ) {
      this.#parts.record({
        type: 'user.sign_in_failed',
        userId: authentication.userId,
        clientId: pending.agent.clientId,
        reason: 'revoked',
      });
      return show(deniedPage(pending, denialWords('revoked'), this.#denialFields(visit, pending)), 403);
    }
    return redirect(await this.#parts.engine.signedIn(visit.request, visit.response, authentication));
  }

  async consent(visit: Visit, form: Readonly<Record<string, unknown>>): Promise<Answer> {
    if (form['decision'] !== 'allow') return this.deny(visit, form);
    const pending = await this.#pending(visit);
    if (!pending) return expired;
    const shown = this.#readForm(visit, form);
    if (shown === undefined) return forged;
    if (pending.step !== 'consent') return this.show(visit); // a sign-in is asked for first, whoever is signed in already
    const asked = await this.#decide(visit, pending);
    if (!asked?.admission.admitted) return this.show(visit); // something changed while the page was open
    const question = this.#question(pending, asked.user, asked.admission.scopes);
    const changed = changedSince(shown, question.shown);
    if (changed.length > 0) return this.#showConsent(visit, pending, question, changeWords(changed));
    return this.#grant(visit, pending, asked, { scopes: question.granted, remembered: false });
  }

  async deny(visit: Visit, form: Readonly<Record<string, unknown>>): Promise<Answer> {
    const pending = await this.#pending(visit);
    if (!pending) return expired;
    if (this.#readForm(visit, form) === undefined) return forged; // a no is a no, whatever became another meanwhile
    this.#parts.record({
      type: 'agent.consent_denied',
      userId: pending.authentication?.userId,
      clientId: pending.agent.clientId,
      agentName: agentName(pending.agent),
    });
    return redirect(
      await this.#parts.engine.refuse(visit.request, visit.response, 'the authorization was not granted'),
    );
  }

  async #askToSignIn(visit: Visit, pending: PendingAuthorization, notice?: string): Promise<Answer> {
    const providers = this.#parts.configuration.snapshot().all('TrustProvider');
    const [only] = providers;
    if (!only)
      return show(messagePage('Nobody can sign in yet', 'No identity provider is configured for this gateway.'), 503);
    if (pending.agent.registeredBy === 'first-party' && providers.length === 1 && notice === undefined)
      return this.#federate(visit, pending, only.name);
    const choices = providers.map(({ name, spec }) => ({ name, title: spec.displayName ?? name, issuer: spec.issuer }));
    return show(
      signInPage({ pending, providers: choices, fields: this.#fields(visit, this.#signInChoice(pending)), notice }),
    );
  }

  async #federate(visit: Visit, pending: PendingAuthorization, providerName: string): Promise<Answer> {
    const provider = this.#parts.configuration.snapshot().get('TrustProvider', providerName);
    if (!provider) return expired;
    try {
      const to = await this.#parts.signIn.start(provider, {
        interaction: visit.uid,
        browser: visit.browser,
        forceFreshSignIn: pending.authentication !== undefined,
        loginHint: pending.loginHint,
      });
      return redirect(to.href);
    } catch (error) {
      if (!(error instanceof SallyportError) || error.code !== 'trust_provider_unavailable') throw error;
      return show(
        messagePage('Signing in is not possible now', error.message, {
          link: { to: `/interaction/${visit.uid}`, text: 'Try again' },
        }),
        502,
      );
    }
  }

  async #askForConsent(visit: Visit, pending: PendingAuthorization): Promise<Answer> {
    const asked = await this.#decide(visit, pending);
    if (!asked) return this.#askToSignIn(visit, pending);
    const { user, agent, admission } = asked;
    if (!admission.admitted) {
      if (!pending.freshlySignedIn && mayFreshSignInHelp(admission.reason))
        return this.#askToSignIn(visit, pending, denialWords(admission.reason));
      this.#parts.record({
        type: 'token.refused',
        userId: user.id,
        trustProvider: user.trustProvider,
        clientId: agent.clientId,
        agentName: agent.name,
        reason: `${admission.reason} (${admission.policy ?? 'revocation'})`,
      });
      return show(deniedPage(pending, denialWords(admission.reason), this.#denialFields(visit, pending)), 403);
    }
    const question = this.#question(pending, user, admission.scopes);
    const digest = consentDigest(pending.agent, pending.redirectUri, question.granted);
    // An agent that only asserts who it is gets no code without a click of this very request.
    const clicked = pending.freshlySignedIn || agent.assurance !== 'asserted';
    if (
      clicked &&
      !pending.consentRequested &&
      (await this.#parts.sessions.consented(user.id, agent.clientId)) === digest
    )
      return this.#grant(visit, pending, asked, { scopes: question.granted, remembered: true });
    return this.#showConsent(visit, pending, question);
  }

  /** Everything that the person is asked to agree to, as it is now. */
  #question(pending: PendingAuthorization, user: User, entitled: ReadonlySet<string>): Question {
    const snapshot = this.#parts.configuration.snapshot();
    const { granted, withheld } = grantedScopes(pending.requestedScopes, entitled);
    const known = new Set(snapshot.all('Role').flatMap((role) => role.spec.scopes));
    const provider = snapshot.get('TrustProvider', user.trustProvider)?.spec.displayName ?? user.trustProvider;
    const question = {
      granted,
      withheld: withheld.filter((scope) => known.has(scope)),
      scopes: granted.map((scope) => ({ scope, words: describeScope(snapshot, scope) })),
      user: { label: user.email ?? user.name ?? user.subject, provider },
    };
    const abilities = question.scopes.map(({ scope, words }) => JSON.stringify([scope, ...words]));
    const shown = {
      form: 'consent',
      ...agentShown(pending),
      user: user.id,
      account: JSON.stringify(question.user),
      scopes: granted,
      withheld: question.withheld,
      abilities: digestOf(abilities),
    };
    return { ...question, shown };
  }

  #showConsent(
    visit: Visit,
    pending: PendingAuthorization,
    { user, scopes, withheld, shown }: Question,
    notice?: string,
  ): Answer {
    return show(consentPage({ pending, user, scopes, withheld, fields: this.#fields(visit, shown), notice }));
  }

  async #grant(
    visit: Visit,
    pending: PendingAuthorization,
    { user, agent }: { user: User; agent: AgentFacts },
    { scopes: granted, remembered }: { scopes: readonly string[]; remembered: boolean },
  ): Promise<Answer> {
    const { engine, sessions, record, clock } = this.#parts;
    const at = new Date(clock());
    const to = await engine.grant(visit.request, visit.response, {
      userId: user.id,
      clientId: agent.clientId,
      scopes: granted,
      onGrant: async (grantId) => {
        if (!remembered)
          await sessions.rememberConsent(
            user.id,
            agent.clientId,
            consentDigest(pending.agent, pending.redirectUri, granted),
            at,
          );
        const sid = await sessions.start(
          {
            userId: user.id,
            clientId: agent.clientId,
            agentName: agent.name,
            assurance: agent.assurance,
            identitySessionId: pending.authentication?.identitySessionId,
            place: {
              redirectHost: redirectHost(pending.redirectUri),
              userAgent: visit.request.headers['user-agent'],
              sourceAddress: visit.sourceIp,
            },
          },
          grantId,
          at,
        );
        record({
          type: 'agent.consented',
          userId: user.id,
          trustProvider: user.trustProvider,
          clientId: agent.clientId,
          agentName: agent.name,
          sid,
          detail: { remembered, scope: granted.join(' ') },
        });
      },
    });
    const isOffered =
      this.#parts.configuration.snapshot().get('AuthorizationServer', 'default')?.spec.offerAccounts === true;
    return isOffered && !remembered
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
    const isVoid = this.#parts.configuration
      .snapshot()
      .revocations.isRevoked({ userId: user.id, clientId: '', sid: '', issuedAt: authentication.signedInAt });
    if (isVoid) return { user, agent, admission: { admitted: false, reason: 'revoked', policy: null } };
    return {
      user,
      agent,
      admission: this.#parts.admissions.decide(user, agent, authentication, { sid: '', since }, visit.sourceIp),
    };
  }

  async #pending(visit: Visit): Promise<PendingAuthorization | undefined> {
    const pending = await this.#parts.engine.pending(visit.request, visit.response);
    return pending?.uid === visit.uid ? pending : undefined;
  }

  #signInChoice(pending: PendingAuthorization): Shown {
    const providers = this.#parts.configuration.snapshot().all('TrustProvider');
    return {
      form: 'sign-in',
      ...agentShown(pending),
      providers: providers.map(({ name, spec }) => JSON.stringify([name, spec.issuer, spec.displayName])),
    };
  }

  #denialFields(visit: Visit, pending: PendingAuthorization): Html {
    return this.#fields(visit, { form: 'denial', ...agentShown(pending) });
  }

  #fields({ browser, uid }: Visit, shown: Shown): Html {
    return shownFields(this.#parts.binding.sign(browser, uid, shown));
  }

  /** @returns what the page of this form showed, if it is a form of ours */
  #readForm({ browser, uid }: Visit, form: Readonly<Record<string, unknown>>): string | undefined {
    return this.#parts.binding.read(browser, uid, form);
  }
}

interface Question {
  readonly granted: readonly string[];
  readonly withheld: readonly string[];
  readonly scopes: readonly { readonly scope: string; readonly words: readonly string[] }[];
  readonly user: { readonly label: string; readonly provider: string };
  readonly shown: Shown;
}

function agentShown({ agent, redirectUri, isKeyBound }: PendingAuthorization) {
  return {
    agent: registrationDigest(agent, redirectUri),
    name: quotedName(agentName(agent)),
    answersTo: redirectHost(redirectUri),
    assurance: assuranceWithKey(agentAssurance(agent, redirectUri), isKeyBound),
  };
}

const digestOf = (lines: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(lines)).digest('base64url');
