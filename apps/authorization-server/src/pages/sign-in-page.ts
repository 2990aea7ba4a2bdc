import { agentName, redirectTarget } from '@sallyport/authorization';
import { quotedName } from '@sallyport/kernel';
import { html, notice, type Html, type Page } from '@sallyport/pages';
import type { PendingAuthorization } from '../engine/engine.js';
import { agentFacts } from './agent-facts.js';

export interface SignInChoice {
  readonly pending: PendingAuthorization;
  readonly providers: readonly { readonly name: string; readonly title: string; readonly issuer: string }[];
  /** Hidden fields of its forms. */
  readonly fields: Html;
  /** Why somebody who was signed in is asked again. */
  readonly why?: string | undefined;
}

/** Before the identity provider: which agent asks, and where its answer will go (S3). */
export function signInPage({ pending, providers, fields, why }: SignInChoice): Page {
  const isForOurPages = pending.agent.registeredBy === 'first-party';
  const intro = isForOurPages
    ? html`<p>Choose where to sign in.</p>`
    : html`<p>Continue only if you started this yourself. You sign in first, and decide then what it may do.</p>
${agentFacts(pending)}`;
  return {
    title: isForOurPages ? 'Sign in to Sallyport' : `${quotedName(agentName(pending.agent))} wants to connect`,
    body: html`${notice(why)}
${intro}
<form method="post" action="/interaction/${pending.uid}/sign-in">
${fields}
${providers.map(providerButton)}</form>
${!isForOurPages && cancelForm(pending, fields)}`,
  };
}

/** The first provider is the one most users want. */
const providerButton = ({ name, title }: { readonly name: string; readonly title: string }, index: number): Html => {
  const look = index === 0 ? 'primary' : 'other';
  return html`<button class="${look}" type="submit" name="provider" value="${name}">Continue with ${title}</button>
`;
};

const cancelForm = (pending: PendingAuthorization, fields: Html): Html =>
  html`<form method="post" action="/interaction/${pending.uid}/deny">
${fields}
<button type="submit">Cancel and return to ${redirectTarget(pending.redirectUri)}</button>
</form>`;
