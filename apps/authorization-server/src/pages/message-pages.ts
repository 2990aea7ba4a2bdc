import { agentName } from '@sallyport/authorization';
import { quotedName } from '@sallyport/kernel';
import type { PendingAuthorization } from '../engine/engine.js';
import { html, type Html } from './html.js';
import { formTarget, page, type Page } from './page.js';

/** Nothing the visitor can do here but read; says nothing about what exists. */
export function messagePage(
  title: string,
  message: string,
  more: {
    readonly detail?: string | undefined;
    readonly link?: { readonly to: string; readonly text: string } | undefined;
  } = {},
): Page {
  const { detail, link } = more;
  return page(
    title,
    html`<h1>${title}</h1><p>${message}</p>${detail !== undefined && html`<p class="soft"><code>${detail}</code></p>`}${link && html`<p><a href="${link.to}">${link.text}</a></p>`}`,
  );
}

/** Policy says no: the person learns it here, the agent gets `access_denied` once they return. */
export function deniedPage(pending: PendingAuthorization, message: string, fields: Html): Page {
  const title = `${quotedName(agentName(pending.agent))} cannot be connected`;
  return page(
    title,
    html`<h1>${title}</h1>
<p>${message}</p>
<p class="soft">If you think this is wrong, ask the administrator of this gateway.</p>
<form method="post" action="/interaction/${pending.uid}/deny">
${fields}
<button class="primary" type="submit">Return to the agent</button>
</form>`,
    [formTarget(pending.redirectUri)],
  );
}
