import type { Shown } from '@sallyport/authorization';
import type { ConnectionSummary } from '@sallyport/connection';
import { quotedName } from '@sallyport/kernel';
import { facts, html, minuteOf, moment, notice, type Html, type Page } from '@sallyport/pages';
import type { BrowserSession } from '../browser-session/browser-sessions.js';
import { CHANGED, formFields } from '../browser-session/signed-form.js';
import { accountShown } from './account-shown.js';
import {
  isForAdministrators,
  type Account,
  type AccountAgent,
  type AccountServer,
  type ProviderPause,
} from './read-account.js';

/** What was just done, said once on the page that follows. */
export const notices = {
  disconnected: 'Disconnected. No agent can use that account any more.',
  pending:
    'Disconnected here: no agent can use that account any more. Its provider does not answer; it will be asked ' +
    'to end the access too until it does.',
  ended: 'That agent is signed out. It can come back only if you sign in with it again.',
  changed: CHANGED,
  gone: 'Nothing was changed: that is gone already.',
} as const;
export type Notice = keyof typeof notices;

export function accountPage({ servers, agents }: Account, session: BrowserSession, done: Notice | undefined): Page {
  const connected = servers.filter(({ connection }) => connection);
  const open = servers.filter(({ connection }) => !connection);
  return {
    title: 'Your accounts and agents',
    body: html`${notice(done && notices[done])}
${section(
  'accounts',
  'Connected accounts',
  connected.flatMap((server) => connectedEntry(server, session)),
  'None yet.',
)}
${
  open.length > 0 &&
  section(
    'open',
    'Servers you can connect',
    open.map((server) => openEntry(server, session)),
  )
}
${section(
  'agents',
  'Agents that act for you',
  agents.map((agent) => agentEntry(agent, session)),
  'None: no agent is signed in for you.',
)}
<p><a href="/session/end">Sign out</a></p>`,
  };
}

const section = (id: string, title: string, entries: readonly Html[], none = ''): Html =>
  html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>
${entries.length === 0 ? html`<p>${none}</p>` : html`<ul class="entries">${entries}</ul>`}</section>`;

function connectedEntry(entry: AccountServer, session: BrowserSession): readonly Html[] {
  const { server, host, connection, credentialProvider } = entry;
  if (!connection) return [];
  const title = quotedName(entry.title);
  const { id, accountName, scopes, lastUsedAt, createdAt } = connection;
  const isBroken = connection.state === 'needs_reconnect';
  const again = isBroken ? 'Connect again:' : 'Connect another account of';
  return [
    html`<li><h3>${title}${isBroken && html` <strong class="mark">Needs reconnect</strong>`}</h3>
${facts(
  ['Server', host ?? server],
  accountName !== null && ['Account', quotedName(accountName)],
  ['State', stateOf(entry, connection.state)],
  ['Permissions', scopes.length === 0 ? 'as the server gives them' : scopes.join(', ')],
  ['Connected', moment(new Date(createdAt))],
  ['Last used', lastUsedAt === null ? 'never' : moment(new Date(lastUsedAt))],
)}
${
  credentialProvider !== null &&
  form('/account/connect', { server }, session, accountShown.connect(entry), `${again} ${title}`, {
    isPrimary: isBroken,
  })
}
${form(
  '/account/disconnect',
  { connection: id },
  session,
  accountShown.disconnect(entry),
  `Disconnect ${title}`,
)}</li>`,
  ];
}

function openEntry(entry: AccountServer, session: BrowserSession): Html {
  const title = quotedName(entry.title);
  return html`<li><h3>${title}</h3><p>${entry.host ?? ''}</p>
${form('/account/connect', { server: entry.server }, session, accountShown.connect(entry), `Connect ${title}`)}</li>`;
}

function agentEntry(agent: AccountAgent, session: BrowserSession): Html {
  const { sid, clientId, redirectHost, createdAt, lastUsedAt } = agent;
  const name = quotedName(agent.agentName);
  return html`<li><h3>${name}</h3>
${facts(
  ['Identified as', clientId],
  redirectHost !== null && ['Sends you to', redirectHost],
  ['Signed in', moment(createdAt)],
  ['Last used', moment(lastUsedAt)],
)}
${form('/account/end-session', { session: sid }, session, accountShown.endSession(agent), `Sign out ${name}`, {
  since: createdAt,
})}</li>`;
}

function stateOf({ credentialProvider, pause }: AccountServer, state: ConnectionSummary['state']): string | Html {
  if (credentialProvider === null) return 'Not offered any more. No agent can use it.';
  return pause && state !== 'needs_reconnect' ? pausedWords(pause) : stateWords[state];
}

const stateWords: Record<ConnectionSummary['state'], string> = {
  connected: 'Works.',
  misconfigured:
    'Waits: this installation is not set up with its provider any more as it was. You need not do anything; your ' +
    'administrator can.',
  needs_reconnect: 'No agent can use it until you connect it again.',
};

/** Why no new access can be had, and who can do something about it: not the user. */
function pausedWords({ since, reason }: ProviderPause): Html {
  const [what, whose] = isForAdministrators(reason)
    ? ['does not accept this installation', 'You need not do anything; your administrator can.']
    : ['does not answer', 'You need not do anything: it is asked again by itself.'];
  return html`Paused since ${moment(new Date(since))}: its provider ${what} right now, so that no new access can be
had. ${whose}`;
}

interface ButtonOptions {
  /** What the page is for, rather than one of many things to do. */
  readonly isPrimary?: boolean;
  /** Tells two buttons of one name apart for people who do not see the list. */
  readonly since?: Date;
}

function form(
  action: string,
  named: Readonly<Record<string, string>>,
  session: BrowserSession,
  shown: Shown,
  label: string,
  { isPrimary = false, since }: ButtonOptions = {},
): Html {
  const inputs = Object.entries(named).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  const look = isPrimary && html` class="primary"`;
  const described = since && html` aria-label="${`${label}, signed in ${minuteOf(since)}`}"`;
  return html`<form method="post" action="${action}">${formFields(session.formKey, action, shown)}${inputs}
<button type="submit"${look}${described}>${label}</button></form>`;
}
