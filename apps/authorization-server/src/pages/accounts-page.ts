import { quotedName } from '@sallyport/kernel';
import { html } from './html.js';
import { page, type Page } from './page.js';

/** After the consent, where an administrator offers it: all accounts on one page, or each when it is first needed. */
export function accountsPage({
  agentName,
  accountUrl,
  continueTo,
}: {
  readonly agentName: string;
  readonly accountUrl: string;
  readonly continueTo: string;
}): Page {
  const title = 'Connect your accounts?';
  const agent = quotedName(agentName);
  return page(
    title,
    html`<h1>${title}</h1>
<p>${agent} may act for you now. The servers it reaches ask for accounts of yours: connect them all now, on one page, or each when ${agent} first needs it.</p>
<p><a href="${accountUrl}" target="_blank" rel="noopener noreferrer">Open your accounts</a></p>
<p><a href="${continueTo}">Return to ${agent}</a></p>`,
  );
}
