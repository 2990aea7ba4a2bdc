import type { ConfiguredTarget } from '@sallyport/connection';
import type { StaticProvider } from '@sallyport/credential';
import { quotedName } from '@sallyport/kernel';
import { alert, facts, html, notice, onwardPage, type Html, type Page } from '@sallyport/pages';
import { serverTitle } from '@sallyport/server';
import { isOver, whatHappened, type ConnectFailure } from './connect-failure.js';
import type { AskingAgent, ConnectTicket } from './connect-ticket.js';

export interface Asked {
  readonly ticket: ConnectTicket;
  /** In quotation marks, e.g. `“Notes”`. */
  readonly serverTitle: string;
  readonly serverHost: string;
  /** Of the connection there is, as far as its provider names it. */
  readonly account: string | null;
  /** Hidden fields of the form. */
  readonly fields: Html;
  /** What has changed since the page was first shown. */
  readonly notice: string | undefined;
  /** The path of this page, which the form posts to. */
  readonly path: string;
}

const agentOf = ({ agentName }: AskingAgent): string => quotedName(agentName);
const whatIsAsked = ({ ticket: { agent }, serverTitle, serverHost, account }: Asked): Html =>
  facts(
    agent !== null && ['Agent', agentOf(agent)],
    agent !== null && ['Identified as', agent.clientId],
    ['Server', `${serverTitle} (${serverHost})`],
    account !== null && ['Account', quotedName(account)],
  );
const form = ({ path, fields }: Asked, label: string): Html =>
  html`<form method="post" action="${path}">${fields}<button class="primary" type="submit">${label}</button></form>`;

const purpose = ({ ticket: { agent }, serverTitle }: Asked): string =>
  agent
    ? `${agentOf(agent)} wants to use ${serverTitle} for you.`
    : `Your agents will be able to use ${serverTitle} for you, each after asking you.`;
const notMine = ({ agent }: ConnectTicket): Html =>
  agent
    ? html`<p class="soft">If you did not ask an agent for this, close this page.</p>`
    : html`<p><a href="/account">Back</a></p>`;
const moreScopes = ({ scopes }: ConnectTicket): Html | undefined =>
  scopes &&
  html`<p>The server asks for more than it has been given so far.
With what you agreed to before, it will be: ${scopes.join(', ')}</p>`;

export function connectPage(asked: Asked): Page {
  const { ticket, serverTitle } = asked;
  return {
    title: `Connect your ${serverTitle} account`,
    body: html`${notice(asked.notice)}
<p>${purpose(asked)} You sign in there yourself; no agent ever sees that sign-in, nor the credential that comes of
it.</p>
${whatIsAsked(asked)}
${moreScopes(ticket)}
${form(asked, `Continue to ${serverTitle}`)}
${notMine(ticket)}`,
  };
}

type EnteredSecret = Pick<StaticProvider, 'send' | 'label' | 'help'>;

/** Where a server's credential is typed in. Nothing that was typed is ever shown again. */
export function enterSecretPage(asked: Asked, secret: EnteredSecret, wrong?: 'secret' | 'username'): Page {
  const { ticket, serverTitle, serverHost } = asked;
  return {
    ...(wrong === undefined ? {} : { status: 400 }),
    title: `Connect your ${serverTitle} account`,
    body: html`${notice(asked.notice)}
<p>${purpose(asked)} What you enter here is kept sealed and shown to ${serverHost} only; no agent ever sees it.</p>
${whatIsAsked(asked)}
${alert(wrong && whatIsWrong(wrong, secret))}
${secretForm(asked, secret)}
${secret.help !== undefined && html`<p><a href="${secret.help}" rel="noreferrer">Where to find it</a></p>`}
${notMine(ticket)}`,
  };
}

const nameOf = ({ label, send }: EnteredSecret): string =>
  label ?? (send.as === 'basic' ? 'Password' : 'API key or token');

const whatIsWrong = (wrong: 'secret' | 'username', secret: EnteredSecret): string =>
  wrong === 'username'
    ? 'The user name is missing, or has a colon in it.'
    : `${nameOf(secret)}: enter at least 8 characters, as it was given to you, without spaces or line breaks around ` +
      `it.`;

function secretForm({ path, fields }: Asked, secret: EnteredSecret): Html {
  const { send } = secret;
  const username =
    send.as === 'basic' &&
    send.username === undefined &&
    html`<p><label for="username">User
name</label><input id="username" name="username" required maxlength="256" autocomplete="off"></p>`;
  return html`<form method="post" action="${path}">${fields}${username}
<p><label for="secret">${nameOf(secret)}</label>
<input id="secret" name="secret" type="password" required minlength="8" maxlength="8192" autocomplete="off"></p>
<button class="primary" type="submit">Connect</button></form>`;
}

/** There is a connection already: only whether this agent may use it is asked (S3). */
export function consentPage(asked: Asked): Page {
  const { ticket, serverTitle } = asked;
  return {
    title: `Let ${ticket.agent ? agentOf(ticket.agent) : 'your agent'} use your ${serverTitle} account?`,
    body: html`${notice(asked.notice)}
<p>Your ${serverTitle} account is connected already. This agent has not used it before.</p>
${whatIsAsked(asked)}
${form(asked, 'Allow')}
<p class="soft">If you did not ask an agent for this, close this page.</p>`,
  };
}

export function connectedPage(agent: AskingAgent | null, serverTitle: string): Page {
  const next = agent
    ? html`<p>${agentOf(agent)} can use your ${serverTitle} account now. Return to your agent; you can close this
page.</p>`
    : html`<p>Your ${serverTitle} account is connected. An agent asks you before it uses it for the first time.</p>`;
  return {
    title: 'Connected',
    body: html`${next}<p><a href="/account">Your accounts and agents</a> · <a href="/session/end">Sign out</a></p>`,
  };
}

/** An administrator's page: nobody is signed in with it. */
export function connectSharedPage(
  { server, provider }: ConfiguredTarget,
  { path, fields, ...more }: Pick<Asked, 'path' | 'fields' | 'notice'>,
): Page {
  const title = quotedName(serverTitle(server));
  const scopes = 'scopes' in provider.spec ? (provider.spec.scopes ?? []) : [];
  return {
    title: `Connect ${title} for everybody`,
    body: html`${notice(more.notice)}
<p>Everybody whom a policy allows will use the account you sign in with at ${title}. What they do there is done
in its name; our own trail still tells them apart.</p>
${facts(
  ['Server', new URL(server.spec.url).host],
  ['Credential provider', provider.name],
  ['Permissions', scopes.length === 0 ? 'as the server gives them' : scopes.join(', ')],
)}
<form method="post" action="${path}">${fields}<button class="primary" type="submit">Continue to
${title}</button></form>`,
  };
}

export function sharedConnectedPage(serverTitle: string): Page {
  return {
    title: 'Connected',
    body: html`<p>Everybody whom a policy allows can use ${serverTitle} now. You can close this page.</p>`,
  };
}

interface OtherAccount extends Pick<Asked, 'fields' | 'notice'> {
  readonly serverTitle: string;
  /** Names of the accounts, as far as their provider says. */
  readonly from: string | null;
  readonly to: string | null;
  readonly confirmation: string;
}

/** Asks before agents go on in the name of another account (S23). */
export function otherAccountPage({ serverTitle, from, to, confirmation, fields, ...more }: OtherAccount): Page {
  const named = to === null ? `an account that ${serverTitle} does not name` : quotedName(to);
  const before = from === null ? 'no account' : quotedName(from);
  return {
    title: `Use another ${serverTitle} account?`,
    body: html`${notice(more.notice)}
${facts(['So far', before], ['Now', named])}
<p>Agents that may use your ${serverTitle} account would use this other one from now on.</p>
<form method="post" action="/connect/confirm">${fields}<input type="hidden" name="confirmation" value="${confirmation}">
<button class="primary" type="submit" name="decision" value="use">Use ${named}</button>
<button type="submit" name="decision" value="keep">Keep ${before}</button></form>`,
  };
}

export const keptPage: Page = {
  title: 'Nothing was changed',
  body: html`<p>Your account stays the one it was; the other one was let go of.</p>
<p><a href="/account">Your accounts and agents</a></p>`,
};

export const busyPage: Page = {
  status: 429,
  title: 'Too many requests',
  body: html`<p>You began to connect an account more often than one may in a minute.
Nothing was connected; try again in a minute.</p>`,
};

export const continuePage = (serverTitle: string, url: string): Page =>
  onwardPage({ title: `Continuing to ${serverTitle}`, to: url, link: `Continue to ${serverTitle}` });

export function otherUserPage(fields: Html, path: string): Page {
  return {
    status: 403,
    title: 'This link is for somebody else',
    body: html`<p>You are signed in as another user than the one your agent acts for. Nothing was connected.</p>
<form method="post" action="/session/switch">${fields}<input type="hidden" name="return_to" value="${path}">
<button class="primary" type="submit">Sign in as the other user</button></form>`,
  };
}

export const ticketPages = {
  expired: {
    status: 410,
    title: 'This link has expired',
    body: html`<p>Ask your agent again and open its new link.</p>`,
  },
  invalid: {
    status: 404,
    title: 'This link is not valid',
    body: html`<p>It is incomplete or was altered. Ask your agent again and open its new link.</p>`,
  },
  revoked: {
    status: 403,
    title: 'This link is not valid any more',
    body: html`<p>Your agent's access has ended. Sign in with your agent again.</p>`,
  },
  gone: { status: 404, title: 'This server is not offered any more', body: html`<p>Nothing was connected.</p>` },
  staleForm: { status: 403, title: 'This form is not yours', body: html`<p>Open the link of your agent again.</p>` },
  notYours: {
    status: 400,
    title: 'This answer does not belong here',
    body: html`<p>It was used already, took too long, or was started in another browser.
Nothing was connected. Ask your agent again and open its new link.</p>`,
  },
} as const satisfies Record<string, Page>;

export function declinedPage(serverTitle: string): Page {
  return {
    title: 'Not connected',
    body: html`<p>You did not allow it at ${serverTitle}. Nothing was connected; your agent will ask again when it
needs to.</p>`,
  };
}

/**
 * Says why connecting failed. The page does not repeat what a server says of itself: the values are in the trail, under
 * the reason that the page names.
 */
export function failedPage(serverTitle: string, failure: ConnectFailure): Page {
  if (failure.reason === 'client_forgotten')
    return {
      status: 502,
      title: `${serverTitle} had forgotten this installation`,
      body: html`<p>Nothing was connected. Open the link of your agent once more: this installation makes itself known
there again.</p>`,
    };
  return {
    status: 502,
    title: `${serverTitle} could not be connected`,
    body: html`<p>${failureText(serverTitle, failure)}</p>`,
  };
}

function failureText(serverTitle: string, failure: ConnectFailure): string {
  if (failure.isTemporary) return `${serverTitle} does not answer right now. Try again in a few minutes.`;
  const happened = `${serverTitle} ${whatHappened(failure)}. Nothing was connected`;
  if (isOver(failure)) return `${happened}; begin once more.`;
  return (
    `${happened}, and trying again will not help: ask your administrator, who finds more under ` +
    `“${failure.reason}” in the trail and the log.`
  );
}
