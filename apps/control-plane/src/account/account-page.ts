import type { Shown } from '@sallyport/authorization';
import type { ConnectionSummary } from '@sallyport/credential';
import { quotedName } from '@sallyport/kernel';
import { html, type Html } from '../pages/html.js';
import type { Page } from '../pages/page.js';
import type { BrowserSession } from '../session/browser-sessions.js';
import { CHANGED, formFields } from '../session/signed-form.js';
import { accountShown } from './account-shown.js';
import type { Account, AccountAgent, AccountServer } from './read-account.js';

/** What was just done, said once on the page that follows. */
export const notices = {
  disconnected: 'Disconnected. No agent can use that account any more.',
  pending:
    'Disconnected here: no agent can use that account any more. Its provider does not answer; it will be asked to end the access too until it does.',
  ended: 'That agent is signed out. It can come back only if you sign in with it again.',
  changed: CHANGED,
  gone: 'Nothing was changed: that is gone already.',
} as const;
export type Notice = keyof typeof notices;

export function accountPage({ servers, agents }: Account, session: BrowserSession, notice: Notice | undefined): Page {
  const [connected, open] = [
    servers.filter(({ connection }) => connection),
    servers.filter(({ connection }) => !connection),
  ];
  return {
    title: 'Your accounts and agents',
    body: html`${notice === undefined ? html`` : html`<p role="status">${notices[notice]}</p>`}
<section aria-labelledby="accounts"><h2 id="accounts">Connected accounts</h2>${connected.length === 0 ? html`<p>None yet.</p>` : html`<ul>${connected.map((server) => connectedEntry(server, session))}</ul>`}</section>
${open.length === 0 ? html`` : html`<section aria-labelledby="open"><h2 id="open">Servers you can connect</h2><ul>${open.map((server) => openEntry(server, session))}</ul></section>`}
<section aria-labelledby="agents"><h2 id="agents">Agents that act for you</h2>${agents.length === 0 ? html`<p>None: no agent is signed in for you.</p>` : html`<ul>${agents.map((agent) => agentEntry(agent, session))}</ul>`}</section>
<p><a href="/session/end">Sign out</a></p>`,
  };
}

function connectedEntry(entry: AccountServer, session: BrowserSession): Html {
  const { server, host, connection, credentialProvider } = entry;
  if (!connection) return html``;
  const title = quotedName(entry.title);
  const { id, accountName, scopes, state, lastUsedAt, createdAt } = connection;
  const again = state === 'needs_reconnect' ? 'Connect again:' : 'Connect another account of';
  return html`<li><h3>${title}${state === 'needs_reconnect' ? html` <strong class="mark">Needs reconnect</strong>` : html``}</h3><dl>
<dt>Server</dt><dd>${host ?? server}</dd>${accountName === null ? html`` : html`<dt>Account</dt><dd>${quotedName(accountName)}</dd>`}
<dt>State</dt><dd>${credentialProvider === null ? 'Not offered any more. No agent can use it.' : stateWords[state]}</dd>
<dt>Permissions</dt><dd>${scopes.length === 0 ? 'as the server gives them' : scopes.join(', ')}</dd>
<dt>Connected</dt><dd>${moment(new Date(createdAt))}</dd><dt>Last used</dt><dd>${lastUsedAt === null ? 'never' : moment(new Date(lastUsedAt))}</dd></dl>
${credentialProvider === null ? html`` : form('/account/connect', { server }, session, accountShown.connect(entry), `${again} ${title}`)}${form('/account/disconnect', { connection: id }, session, accountShown.disconnect(entry), `Disconnect ${title}`)}</li>`;
}

function openEntry(entry: AccountServer, session: BrowserSession): Html {
  const title = quotedName(entry.title);
  return html`<li><h3>${title}</h3><p>${entry.host ?? ''}</p>${form('/account/connect', { server: entry.server }, session, accountShown.connect(entry), `Connect ${title}`)}</li>`;
}

function agentEntry(agent: AccountAgent, session: BrowserSession): Html {
  const { sid, clientId, redirectHost, createdAt, lastUsedAt } = agent;
  const name = quotedName(agent.agentName);
  return html`<li><h3>${name}</h3><dl><dt>Identified as</dt><dd>${clientId}</dd>${redirectHost === null ? html`` : html`<dt>Sends you to</dt><dd>${redirectHost}</dd>`}<dt>Signed in</dt><dd>${moment(createdAt)}</dd><dt>Last used</dt><dd>${moment(lastUsedAt)}</dd></dl>
${form('/account/end-session', { session: sid }, session, accountShown.endSession(agent), `Sign out ${name}`, createdAt)}</li>`;
}

const stateWords: Record<ConnectionSummary['state'], string> = {
  connected: 'Works.',
  provider_fault:
    'Waits: its provider does not accept this installation right now. You need not do anything; your administrator can.',
  needs_reconnect: 'No agent can use it until you connect it again.',
};

/** @param since tells two buttons of one name apart for who does not see the list. */
function form(
  action: string,
  named: Readonly<Record<string, string>>,
  session: BrowserSession,
  shown: Shown,
  label: string,
  since?: Date,
): Html {
  const described = since === undefined ? html`` : html` aria-label="${`${label}, signed in ${wordsOf(since)}`}"`;
  return html`<form method="post" action="${action}">${formFields(session.formKey, action, shown)}${Object.entries(named).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}<button type="submit"${described}>${label}</button></form>`;
}

const wordsOf = (time: Date): string => `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
const moment = (time: Date): Html => html`<time datetime="${time.toISOString()}">${wordsOf(time)}</time>`;
