import type { ConnectionSummary } from '@sallyport/credential';
import { html, type Html } from '../pages/html.js';
import type { Page } from '../pages/page.js';
import type { BrowserSession } from '../session/browser-sessions.js';
import type { Account, AccountAgent, AccountServer } from './read-account.js';

/** What was just done, said once on the page that follows. */
export const notices = {
  disconnected: 'Disconnected. No agent can use that account any more.',
  pending: 'Disconnected here: no agent can use that account any more. Its provider does not answer; it will be asked to end the access too until it does.',
  ended: 'That agent is signed out. It can come back only if you sign in with it again.',
  gone: 'Nothing was changed: that is gone already.',
} as const;
export type Notice = keyof typeof notices;

export function accountPage({ servers, agents }: Account, session: BrowserSession, notice: Notice | undefined): Page {
  const [connected, open] = [servers.filter(({ connection }) => connection), servers.filter(({ connection }) => !connection)];
  return {
    title: 'Your accounts and agents',
    body: html`${notice === undefined ? html`` : html`<p role="status">${notices[notice]}</p>`}
<section aria-labelledby="accounts"><h2 id="accounts">Connected accounts</h2>${connected.length === 0 ? html`<p>None yet.</p>` : html`<ul>${connected.map((server) => connectedEntry(server, session))}</ul>`}</section>
${open.length === 0 ? html`` : html`<section aria-labelledby="open"><h2 id="open">Servers you can connect</h2><ul>${open.map((server) => openEntry(server, session))}</ul></section>`}
<section aria-labelledby="agents"><h2 id="agents">Agents that act for you</h2>${agents.length === 0 ? html`<p>None: no agent is signed in for you.</p>` : html`<ul>${agents.map((agent) => agentEntry(agent, session))}</ul>`}</section>
<p><a href="/session/end">Sign out</a></p>`,
  };
}

function connectedEntry({ server, title, host, connection, credentialProvider }: AccountServer, session: BrowserSession): Html {
  if (!connection) return html``;
  const { id, accountName, scopes, state, lastUsedAt, createdAt } = connection;
  const again = state === 'needs_reconnect' ? 'Connect again:' : 'Connect another account of';
  return html`<li><h3>${title}${state === 'needs_reconnect' ? html` <strong class="mark">Needs reconnect</strong>` : html``}</h3><dl>
<dt>Server</dt><dd>${host ?? server}</dd>${accountName === null ? html`` : html`<dt>Account</dt><dd>${accountName}</dd>`}
<dt>State</dt><dd>${credentialProvider === null ? 'Not offered any more. No agent can use it.' : stateWords[state]}</dd>
<dt>Permissions</dt><dd>${scopes.length === 0 ? 'as the server gives them' : scopes.join(', ')}</dd>
<dt>Connected</dt><dd>${moment(new Date(createdAt))}</dd><dt>Last used</dt><dd>${lastUsedAt === null ? 'never' : moment(new Date(lastUsedAt))}</dd></dl>
${credentialProvider === null ? html`` : form('/account/connect', session, { server }, `${again} ${title}`)}${form('/account/disconnect', session, { connection: id }, `Disconnect ${title}`)}</li>`;
}

function openEntry({ server, title, host }: AccountServer, session: BrowserSession): Html {
  return html`<li><h3>${title}</h3><p>${host ?? ''}</p>${form('/account/connect', session, { server }, `Connect ${title}`)}</li>`;
}

function agentEntry({ sid, clientId, agentName, redirectHost, createdAt, lastUsedAt }: AccountAgent, session: BrowserSession): Html {
  return html`<li><h3>${agentName}</h3><dl><dt>Identified as</dt><dd>${clientId}</dd>${redirectHost === null ? html`` : html`<dt>Sends you to</dt><dd>${redirectHost}</dd>`}<dt>Signed in</dt><dd>${moment(createdAt)}</dd><dt>Last used</dt><dd>${moment(lastUsedAt)}</dd></dl>
${form('/account/end-session', session, { session: sid }, `Sign out ${agentName}`, createdAt)}</li>`;
}

const stateWords: Record<ConnectionSummary['state'], string> = {
  connected: 'Works.',
  provider_fault: 'Waits: its provider does not accept this installation right now. You need not do anything; your administrator can.',
  needs_reconnect: 'No agent can use it until you connect it again.',
};

/** @param since tells two buttons of one name apart for who does not see the list. */
function form(action: string, session: BrowserSession, fields: Readonly<Record<string, string>>, label: string, since?: Date): Html {
  const described = since === undefined ? html`` : html` aria-label="${`${label}, signed in ${wordsOf(since)}`}"`;
  return html`<form method="post" action="${action}"><input type="hidden" name="csrf" value="${session.csrfToken}">${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}<button type="submit"${described}>${label}</button></form>`;
}

const wordsOf = (time: Date): string => `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
const moment = (time: Date): Html => html`<time datetime="${time.toISOString()}">${wordsOf(time)}</time>`;
