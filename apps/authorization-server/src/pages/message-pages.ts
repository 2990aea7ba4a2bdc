import { agentName } from '@sallyport/authorization';
import { quotedName } from '@sallyport/kernel';
import { html, type Html, type Page } from '@sallyport/pages';
import type { PendingAuthorization } from '../engine/engine.js';

/** The host on which an agent publishes its metadata document does not answer. */
export const UNREAD_WORDS =
  'What this agent publishes about itself cannot be read just now. Nothing was granted; try again in a minute.';

interface More {
  /** What an administrator is asked to look for, e.g. an OAuth error. */
  readonly detail?: string | undefined;
  readonly link?: { readonly to: string; readonly text: string } | undefined;
}

/** A message that the visitor can only read. It says nothing about what exists. */
export const messagePage = (title: string, message: string, { detail, link }: More = {}): Page => ({
  title,
  body: html`<p>${message}</p>
${detail !== undefined && html`<p class="soft"><code>${detail}</code></p>`}
${link && html`<p><a href="${link.to}">${link.text}</a></p>`}`,
});

/** Policy denies it. The person reads so here, and the agent gets `access_denied` once they return to it. */
export const deniedPage = (pending: PendingAuthorization, message: string, fields: Html): Page => ({
  title: `${quotedName(agentName(pending.agent))} cannot be connected`,
  body: html`<p>${message}</p>
<p class="soft">If you think this is wrong, ask the administrator of this gateway.</p>
<form method="post" action="/interaction/${pending.uid}/deny">
${fields}
<button class="primary" type="submit">Return to the agent</button>
</form>`,
});
