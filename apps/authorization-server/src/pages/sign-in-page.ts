import { agentName, redirectTarget } from '@sallyport/authorization';
import { quotedName } from '@sallyport/kernel';
import type { PendingAuthorization } from '../engine/engine.js';
import { agentFacts } from './agent-facts.js';
import { html, type Html } from './html.js';
import { formTarget, page, type Page } from './page.js';

export interface SignInPage {
  readonly pending: PendingAuthorization;
  readonly providers: readonly { readonly name: string; readonly title: string; readonly issuer: string }[];
  /** Hidden fields of its forms. */
  readonly fields: Html;
  /** Why somebody who was signed in is asked again. */
  readonly notice?: string | undefined;
}

/** Before the identity provider: which agent asks, and where its answer will go (security rule S3). */
export function signInPage({ pending, providers, fields, notice }: SignInPage): Page {
  const firstParty = pending.agent.registeredBy === 'first-party';
  const name = quotedName(agentName(pending.agent));
  const title = firstParty ? 'Sign in to Sallyport' : `${name} wants to connect`;
  const intro = firstParty
    ? html`<p>Choose where to sign in.</p>`
    : html`<p>Continue only if you started this yourself. You sign in first, and decide then what it may do.</p>${agentFacts(pending)}`;
  const body = html`<h1>${title}</h1>
${notice !== undefined && html`<p class="warning" role="status">${notice}</p>`}
${intro}
<form method="post" action="/interaction/${pending.uid}/sign-in">
${fields}
${providers.map((provider, index) => html`<button class="${index === 0 ? 'primary' : 'other'}" type="submit" name="provider" value="${provider.name}">Continue with ${provider.title}</button>`)}
</form>
${
  !firstParty &&
  html`<form method="post" action="/interaction/${pending.uid}/deny">
${fields}
<button type="submit">Cancel and return to ${redirectTarget(pending.redirectUri)}</button>
</form>`
}`;
  // Identity providers redirect through hosts of their own before they come back here.
  return page(title, body, [
    'https:',
    formTarget(pending.redirectUri),
    ...providers.map(({ issuer }) => formTarget(issuer)),
  ]);
}
