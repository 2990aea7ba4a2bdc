import type { ConfiguredTarget, StaticProvider } from '@sallyport/credential';
import { quotedName } from '@sallyport/kernel';
import { html, type Html } from '../pages/html.js';
import type { Page } from '../pages/page.js';
import type { AskingAgent, ConnectTicket } from './connect-ticket.js';

export interface Asked {
  readonly ticket: ConnectTicket;
  /** Quoted, as on every page here. */
  readonly serverTitle: string;
  readonly serverHost: string;
  /** Of a connection there is, as far as its provider named it. */
  readonly account: string | null;
  /** Hidden fields of the form. */
  readonly fields: Html;
  /** What became another since the page was first shown. */
  readonly notice: string | undefined;
  /** The path of this page, which the form posts to. */
  readonly path: string;
}

const facts = ({ ticket, serverTitle, serverHost, account }: Asked) =>
  html`<dl>${ticket.agent ? html`<dt>Agent</dt><dd>${agentOf(ticket.agent)}</dd><dt>Identified as</dt><dd>${ticket.agent.clientId}</dd>` : html``}<dt>Server</dt><dd>${serverTitle} (${serverHost})</dd>${account === null ? html`` : html`<dt>Account</dt><dd>${quotedName(account)}</dd>`}</dl>`;
const agentOf = ({ agentName }: AskingAgent): string => quotedName(agentName);
const noticed = (notice: string | undefined) => (notice === undefined ? html`` : html`<p role="status">${notice}</p>`);
const form = ({ path, fields }: Asked, label: string) =>
  html`<form method="post" action="${path}">${fields}<button type="submit">${label}</button></form>`;

const wish = ({ ticket, serverTitle }: Asked) =>
  ticket.agent
    ? `${agentOf(ticket.agent)} wants to use ${serverTitle} for you.`
    : `Your agents will be able to use ${serverTitle} for you, each after asking you.`;
const unasked = ({ agent }: ConnectTicket) =>
  agent
    ? html`<p>If you did not ask an agent for this, close this page.</p>`
    : html`<p><a href="/account">Back</a></p>`;
const wider = ({ scopes }: ConnectTicket) =>
  scopes === undefined
    ? html``
    : html`<p>The server asks for more than it has been given so far. With what you agreed to before, it will be: ${scopes.join(', ')}</p>`;

export function connectPage(asked: Asked): Page {
  const { ticket, serverTitle, notice } = asked;
  return {
    title: `Connect your ${serverTitle} account`,
    body: html`${noticed(notice)}<p>${wish(asked)} You sign in there yourself; no agent ever sees that sign-in, nor the credential that comes of it.</p>${facts(asked)}${wider(ticket)}${form(asked, `Continue to ${serverTitle}`)}${unasked(ticket)}`,
  };
}

/** Where a server's credential is typed in. Nothing that was typed is ever shown again. */
export function enterSecretPage(
  asked: Asked,
  { send, label, help }: Pick<StaticProvider, 'send' | 'label' | 'help'>,
  wrong?: 'secret' | 'username',
): Page {
  const { ticket, serverTitle, path, fields, notice } = asked;
  const name = label ?? (send.as === 'basic' ? 'Password' : 'API key or token');
  const problem =
    wrong === undefined
      ? html``
      : html`<p role="alert">${wrong === 'username' ? 'The user name is missing, or has a colon in it.' : `${name}: enter at least 8 characters, as it was given to you, without spaces or line breaks around it.`}</p>`;
  const username =
    send.as === 'basic' && send.username === undefined
      ? html`<p><label for="username">User name</label><br><input id="username" name="username" required maxlength="256" autocomplete="off"></p>`
      : html``;
  return {
    ...(wrong === undefined ? {} : { status: 400 }),
    title: `Connect your ${serverTitle} account`,
    body: html`${noticed(notice)}<p>${wish(asked)} What you enter here is kept sealed and shown to ${asked.serverHost} only; no agent ever sees it.</p>${facts(asked)}${problem}<form method="post" action="${path}">${fields}${username}<p><label for="secret">${name}</label><br><input id="secret" name="secret" type="password" required minlength="8" maxlength="8192" autocomplete="off"></p><button type="submit">Connect</button></form>${help === undefined ? html`` : html`<p><a href="${help}" rel="noreferrer">Where to find it</a></p>`}${unasked(ticket)}`,
  };
}

/** There is a connection already; only this agent's use of it is asked (S3). */
export function consentPage(asked: Asked): Page {
  const { ticket, serverTitle, notice } = asked;
  return {
    title: `Let ${ticket.agent ? agentOf(ticket.agent) : 'your agent'} use your ${serverTitle} account?`,
    body: html`${noticed(notice)}<p>Your ${serverTitle} account is connected already. This agent has not used it before.</p>${facts(asked)}${form(asked, 'Allow')}<p>If you did not ask an agent for this, close this page.</p>`,
  };
}

export function connectedPage(agent: AskingAgent | null, serverTitle: string): Page {
  const next = agent
    ? html`<p>${agentOf(agent)} can use your ${serverTitle} account now. Return to your agent; you can close this page.</p>`
    : html`<p>Your ${serverTitle} account is connected. An agent asks you before it uses it for the first time.</p>`;
  return {
    title: 'Connected',
    body: html`${next}<p><a href="/account">Your accounts and agents</a> · <a href="/session/end">Sign out</a></p>`,
  };
}

/** An administrator's page: nobody is signed in with it. */
export function connectSharedPage(
  { server, provider }: ConfiguredTarget,
  { path, fields, notice }: Pick<Asked, 'path' | 'fields' | 'notice'>,
): Page {
  const title = quotedName(server.spec.title ?? server.name);
  const scopes = 'scopes' in provider.spec ? (provider.spec.scopes ?? []) : [];
  return {
    title: `Connect ${title} for everybody`,
    body: html`${noticed(notice)}<p>Everybody whom a policy allows will use the account you sign in with at ${title}. What they do there is done in its name; our own trail still tells them apart.</p><dl><dt>Server</dt><dd>${new URL(server.spec.url).host}</dd><dt>Credential provider</dt><dd>${provider.name}</dd><dt>Permissions</dt><dd>${scopes.length === 0 ? 'as the server gives them' : scopes.join(', ')}</dd></dl><form method="post" action="${path}">${fields}<button type="submit">Continue to ${title}</button></form>`,
  };
}

export function sharedConnectedPage(serverTitle: string): Page {
  return {
    title: 'Connected',
    body: html`<p>Everybody whom a policy allows can use ${serverTitle} now. You can close this page.</p>`,
  };
}

/** Security rule S23: agents would go on in somebody else's name. */
export function otherAccountPage({
  serverTitle,
  from,
  to,
  confirmation,
  fields,
  notice,
}: { serverTitle: string; from: string | null; to: string | null; confirmation: string } & Pick<
  Asked,
  'fields' | 'notice'
>): Page {
  const named = to === null ? `an account that ${serverTitle} does not name` : quotedName(to);
  const before = from === null ? 'no account' : quotedName(from);
  return {
    title: `Use another ${serverTitle} account?`,
    body: html`${noticed(notice)}<dl><dt>So far</dt><dd>${before}</dd><dt>Now</dt><dd>${named}</dd></dl><p>Agents that may use your ${serverTitle} account would use this other one from now on.</p><form method="post" action="/connect/confirm">${fields}<input type="hidden" name="confirmation" value="${confirmation}"><button type="submit" name="decision" value="use">Use ${named}</button> <button type="submit" name="decision" value="keep">Keep ${before}</button></form>`,
  };
}

export const keptPage: Page = {
  title: 'Nothing was changed',
  body: html`<p>Your account stays the one it was; the other one was let go of.</p><p><a href="/account">Your accounts and agents</a></p>`,
};

export function continuePage(serverTitle: string, url: string): Page {
  return {
    title: `Continuing to ${serverTitle}`,
    continueTo: url,
    body: html`<p><a class="button" href="${url}">Continue to ${serverTitle}</a></p>`,
  };
}

export function otherUserPage(fields: Html, path: string): Page {
  return {
    status: 403,
    title: 'This link is for somebody else',
    body: html`<p>You are signed in as another user than the one your agent acts for. Nothing was connected.</p><form method="post" action="/session/switch">${fields}<input type="hidden" name="return_to" value="${path}"><button type="submit">Sign in as the other user</button></form>`,
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
    body: html`<p>It was used already, took too long, or was started in another browser. Nothing was connected. Ask your agent again and open its new link.</p>`,
  },
} as const satisfies Record<string, Page>;

export function declinedPage(serverTitle: string): Page {
  return {
    title: 'Not connected',
    body: html`<p>You did not allow it at ${serverTitle}. Nothing was connected; your agent will ask again when it needs to.</p>`,
  };
}

/** The reason is in the trail, not here: what a server says about itself is not ours to repeat. */
export function failedPage(serverTitle: string, isTemporary: boolean): Page {
  return {
    status: 502,
    title: `${serverTitle} could not be connected`,
    body: isTemporary
      ? html`<p>${serverTitle} does not answer right now. Try again in a few minutes.</p>`
      : html`<p>${serverTitle} does not offer a sign-in that can be used safely. Ask your administrator.</p>`,
  };
}
