import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { hasCode } from '@sallyport/kernel';
import { onwardPage } from '@sallyport/pages';
import type { Logger } from '@sallyport/telemetry';
import type { AuthorizationEngine } from '../engine/engine.js';
import type { BrowserBinding, BrowserIds } from '../federation/browser-binding.js';
import type { TrustProviders } from '../federation/trust-providers.js';
import { redirect, show, type NextStep } from '../interaction/next-step.js';
import type { EndIdentitySessions } from '../lifecycle/end-identity-sessions.js';
import type { NoteEvent } from '@sallyport/trail';
import { messagePage } from '../pages/message-pages.js';
import { toProviderPage } from '../pages/onward-pages.js';
import { shownFields } from '../pages/shown-fields.js';
import { signOutPage } from '../pages/sign-out-page.js';
import type { IdentitySessions } from '../storage/identity-sessions.js';
import type { Users } from '../storage/users.js';

export interface SignOutParts {
  readonly issuer: string;
  /** The one place of ours a browser may be sent on to. */
  readonly returnTo: string;
  readonly engine: Pick<AuthorizationEngine, 'browserSession'>;
  readonly configuration: { snapshot(): ConfigurationSnapshot };
  readonly providers: TrustProviders;
  readonly identities: IdentitySessions;
  readonly users: Users;
  readonly binding: BrowserBinding;
  readonly endIdentitySessions: EndIdentitySessions;
  readonly record: NoteEvent;
  readonly logger: Logger;
}
export interface SignOutVisit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly browser: BrowserIds;
  readonly sourceIp: string;
}

const MAX_STATE = 512;

/**
 * Signing out of the browser (OpenID Connect RP-Initiated Logout 1.0), which nobody else's link can do: it is always
 * asked first, by a form of ours. Agents go on, unless the human says that they end too.
 */
export class SignOut {
  readonly #parts: SignOutParts;

  constructor(parts: SignOutParts) {
    this.#parts = parts;
  }

  /** @param parameters of the request; `id_token_hint` is not needed, since the browser says who it is */
  async ask(visit: SignOutVisit, parameters: URLSearchParams): Promise<NextStep> {
    const { engine, users, binding, returnTo } = this.#parts;
    const [target, state] = [parameters.getAll('post_logout_redirect_uri'), parameters.getAll('state')];
    if (
      target.length > 1 ||
      state.length > 1 ||
      (target[0] !== undefined && target[0] !== returnTo) ||
      (state[0]?.length ?? 0) > MAX_STATE
    )
      return show(
        messagePage(
          'This link cannot be used',
          'It leads somewhere this gateway does not know. You are still signed in.',
        ),
        400,
      );
    const back = target[0] === undefined ? undefined : withState(returnTo, state[0]);
    const session = await engine.browserSession(visit.request, visit.response);
    if (!session) return back === undefined ? this.ended() : redirect(back);
    const user = session.userId === undefined ? undefined : await users.find(session.userId);
    const label = user?.email ?? user?.name ?? user?.subject ?? 'somebody';
    const fields = shownFields(
      binding.sign(visit.browser, requestOf(session.uid), { user: session.userId ?? '', label }),
    );
    return show(signOutPage({ label, fields, back }));
  }

  async confirm(visit: SignOutVisit, form: Readonly<Record<string, unknown>>): Promise<NextStep> {
    const { engine, identities, binding, endIdentitySessions, record, returnTo } = this.#parts;
    const session = await engine.browserSession(visit.request, visit.response);
    if (!session) return this.ended();
    // The session's user cannot change, and nothing else of what is shown decides what is done.
    if (binding.read(visit.browser, requestOf(session.uid), form) === undefined)
      return show(
        messagePage(
          'This form cannot be used',
          'It was opened in another browser or too long ago. You are still signed in.',
        ),
        403,
      );
    const signIns = await identities.inBrowser(session.uid);
    if (form['decision'] === 'agents-too')
      await endIdentitySessions({ ids: signIns.map((signIn) => signIn.session.id) }, 'signed out');
    await identities.endInBrowser(session.uid);
    const [newest] = signIns;
    record({
      type: 'user.signed_out',
      address: visit.sourceIp,
      userId: session.userId,
      trustProvider: newest?.session.trustProvider,
      reason: 'signed out',
    });
    const atProvider =
      newest && (await this.#atProvider(newest.session.trustProvider, newest.session.issuer, newest.idToken));
    if (atProvider) return show(toProviderPage(atProvider.name, atProvider.url.href));
    const back = form['return_to'];
    return typeof back === 'string' && (back === returnTo || back.startsWith(`${returnTo}?state=`))
      ? show(
          onwardPage({
            title: 'You are signed out',
            words: 'You are being sent back. If nothing happens, use the link.',
            to: back,
            link: 'Go on',
          }),
        )
      : this.ended();
  }

  ended(): NextStep {
    return show(
      messagePage(
        'You are signed out',
        'You can close this page. Agents you connected go on until you or an administrator end them, ' +
          'unless you chose to end them too.',
      ),
    );
  }

  async #atProvider(
    name: string,
    issuer: string,
    idToken: string | undefined,
  ): Promise<{ readonly name: string; readonly url: URL } | undefined> {
    const provider = this.#parts.configuration.snapshot().get('TrustProvider', name);
    if (!provider?.spec.session?.signOutAtProvider || provider.spec.issuer !== issuer) return undefined;
    try {
      const url = await this.#parts.providers.endSessionUrl(provider, {
        idToken,
        returnTo: `${this.#parts.issuer}/session/ended`,
      });
      return url && { name: provider.spec.displayName ?? provider.name, url };
    } catch (err) {
      if (!hasCode(err, 'trust_provider_unavailable')) throw err;
      this.#parts.logger.warn({ err, trustProvider: name }, 'signed out here, but not at the identity provider');
      return undefined;
    }
  }
}

const requestOf = (sessionUid: string): string => `sign-out ${sessionUid}`;

function withState(uri: string, state: string | undefined): string {
  if (state === undefined) return uri;
  const url = new URL(uri);
  url.searchParams.set('state', state);
  return url.href;
}
