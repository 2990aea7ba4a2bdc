import { agentName } from '@sallyport/authorization';
import { cleanText, quotedName } from '@sallyport/kernel';
import type { PendingAuthorization } from '../engine/engine.js';
import { agentFacts } from './agent-facts.js';
import { html, type Html } from './html.js';
import { formTarget, page, type Page } from './page.js';

export interface ConsentPage {
  readonly pending: PendingAuthorization;
  readonly user: { readonly label: string; readonly provider: string };
  readonly scopes: readonly { readonly scope: string; readonly words: readonly string[] }[];
  readonly withheld: readonly string[];
  /** Hidden fields of the form. */
  readonly fields: Html;
  /** What became another since the page was first shown. */
  readonly notice?: string | undefined;
}

const MAX_LABEL = 254;

/** After sign-in and before any code: who acts for whom, and what it will be able to do (R20, S3). */
export function consentPage({ pending, user, scopes, withheld, fields, notice }: ConsentPage): Page {
  const name = quotedName(agentName(pending.agent));
  const title = `Let ${name} act for you?`;
  const abilities =
    scopes.length === 0
      ? html`<p>It may connect to the gateway. Your roles give it no scope, so it can use only what needs none.</p>`
      : html`<ul>${scopes.map(({ scope, words }) => html`<li>${words.length > 0 ? words.join('; ') : 'Use'} <code>${scope}</code></li>`)}</ul>`;
  const body = html`<h1>${title}</h1>
${notice !== undefined && html`<p class="warning" role="status">${notice}</p>`}
<p>You are signed in as <strong>${cleanText(user.label, MAX_LABEL)}</strong> through ${user.provider}.</p>
${agentFacts(pending)}
<h2>It will be able to</h2>
${abilities}
${withheld.length > 0 && html`<p class="soft">It also asked for ${withheld.join(', ')}, which your roles do not include; it will not get that.</p>`}
<p class="soft">It never sees your passwords or the credentials of the servers behind the gateway. An administrator can revoke it at any time.</p>
<form method="post" action="/interaction/${pending.uid}/consent">
${fields}
<button class="primary" type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Do not allow</button>
</form>`;
  return page(title, body, [formTarget(pending.redirectUri)]);
}
