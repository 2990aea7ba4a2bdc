import { agentName } from '@sallyport/authorization';
import type { AdministratorRole } from '@sallyport/configuration';
import { cleanText, quotedName } from '@sallyport/kernel';
import { html, notice, type Html, type Page } from '@sallyport/pages';
import type { PendingAuthorization } from '../engine/engine.js';
import { agentFacts } from './agent-facts.js';

export interface Consent {
  readonly pending: PendingAuthorization;
  readonly user: { readonly label: string; readonly provider: string };
  /** Each with what it opens, e.g. `Read every resource of “Notes”`. */
  readonly scopes: readonly { readonly scope: string; readonly words: readonly string[] }[];
  /** Scopes that the agent requested and the user's roles do not give. */
  readonly withheld: readonly string[];
  /** What it may do at the admin API; none for an agent of the gateway. */
  readonly administers: readonly AdministratorRole[];
  /** Hidden fields of the form. */
  readonly fields: Html;
  /** What has changed since the page was first shown. */
  readonly changed?: string | undefined;
}

const MAX_LABEL = 254;

/** After sign-in and before any code: who acts for whom, and what it will be able to do (R20, S3). */
export function consentPage(consent: Consent): Page {
  const { pending, user, fields, changed } = consent;
  return {
    title: `Let ${quotedName(agentName(pending.agent))} act for you?`,
    body: html`${notice(changed)}
<p>You are signed in as <strong>${cleanText(user.label, MAX_LABEL)}</strong> through ${user.provider}.</p>
${agentFacts(pending)}
<h2>It will be able to</h2>
${abilities(consent)}
${withheldWords(consent)}
<p class="soft">It never sees your passwords or the credentials of the servers behind the gateway. An administrator can
revoke it at any time.</p>
<form method="post" action="/interaction/${pending.uid}/consent">
${fields}
<button class="primary" type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Do not allow</button>
</form>`,
  };
}

/** What each role of an administrator may do, after "It will be able to". */
const ADMINISTRATION: Readonly<Record<AdministratorRole, string>> = {
  owner: 'Change everything, and who administers',
  'credential-admin': 'Change servers, where their credentials come from, where people sign in, and keys',
  'policy-author': 'Write policies: who may do what',
  operator: 'Revoke access, end connections and approve tools',
  auditor: 'Read everything, with what people did',
  viewer: 'Read the configuration and whether it works',
};

function abilities({ scopes, withheld, administers }: Consent): Html {
  if (administers.length > 0)
    return html`<ul>${administers.map((role) => html`<li>${ADMINISTRATION[role]} <code>${role}</code></li>`)}</ul>
<p>It administers this gateway as you, as long as you are an administrator. It reaches no server behind it.</p>`;
  if (scopes.length === 0)
    return html`<p>It may connect to the gateway, and use only what needs no scope.
${withheld.length === 0 && 'Your roles give none.'}</p>`;
  return html`<ul>${scopes.map(
    ({ scope, words }) => html`<li>${words.length > 0 ? words.join('; ') : 'Use'} <code>${scope}</code></li>`,
  )}</ul>`;
}

function withheldWords({ scopes, withheld }: Consent): Html | false {
  if (withheld.length === 0) return false;
  const asked = `${scopes.length > 0 ? 'also asked' : 'asked'} for ${withheld.join(', ')}`;
  return html`<p class="soft">It ${asked}, which your roles do not include; it will not get that.</p>`;
}
