import { quotedName } from '@sallyport/kernel';
import { html, type Page } from '@sallyport/pages';

interface AccountsOffer {
  readonly agentName: string;
  readonly accountUrl: string;
  readonly continueTo: string;
}

/** After the consent, where an administrator offers it: connect all accounts now, or each when it is first needed. */
export function accountsPage({ agentName, accountUrl, continueTo }: AccountsOffer): Page {
  const agent = quotedName(agentName);
  return {
    title: 'Connect your accounts?',
    body: html`<p>${agent} may act for you now. The servers it reaches ask for accounts of yours: connect them all now,
on one page, or each when ${agent} first needs it.</p>
<p><a class="button" href="${accountUrl}" target="_blank" rel="noopener noreferrer">Open your accounts</a></p>
<p><a href="${continueTo}">Return to ${agent}</a></p>`,
  };
}
