import { changedSince, type Shown } from '@sallyport/authorization';
import { isConnected } from '@sallyport/configuration';
import {
  configuredTarget,
  openCredential,
  pinsHold,
  storeEnteredSecret,
  type ConfiguredTarget,
  type Connection,
} from '@sallyport/connection';
import { readStaticSecret, wasAskedFor, type EnteredSecret, type StaticProvider } from '@sallyport/credential';
import { Budget, quotedName } from '@sallyport/kernel';
import type { CredentialChanged } from '@sallyport/messages';
import type { Page } from '@sallyport/pages';
import { serverTitle } from '@sallyport/server';
import type { BrowserSession } from '../../browser-session/browser-sessions.js';
import { CHANGED, formFields, readForm, type SignedFields } from '../../browser-session/signed-form.js';
import type { RecordEvent } from '@sallyport/trail';
import type { ReportConnectFailure } from './report-connect-failure.js';
import type { ConnectHealthStore } from './connect-health-store.js';
import {
  busyPage,
  connectedPage,
  connectPage,
  consentPage,
  continuePage,
  declinedPage,
  enterSecretPage,
  failedPage,
  keptPage,
  otherAccountPage,
  sharedConnectedPage,
  ticketPages,
  type Asked,
} from './connect-pages.js';
import { targetShown } from './connect-shown.js';
import type { ConnectTicket, ConnectWish } from './connect-ticket.js';
import type { ConnectTickets } from './connect-tickets.js';
import {
  confirmAccount,
  finishConnecting,
  isRevokedFor,
  type AccountQuestion,
  type FinishContext,
  type FinishResult,
  type ReturningBrowser,
} from './finish-connecting.js';
import { startConnecting, type StartContext } from './start-connecting.js';

export interface ConnectContext extends FinishContext, StartContext {
  readonly tickets: ConnectTickets;
  readonly record: RecordEvent;
  readonly reportFailure: ReportConnectFailure;
  readonly connectHealth: Pick<ConnectHealthStore, 'succeeded'>;
  readonly broadcastChanged: (changed: CredentialChanged) => Promise<void>;
}

const STARTS_PER_MINUTE = 30;

type EnteredForm = { readonly [K in keyof EnteredSecret]?: EnteredSecret[K] | undefined };

/** From a ticket to a stored connection, as pages. Who is looking is the controller's to establish. */
export class ConnectFlow {
  readonly #context: ConnectContext;
  readonly #starts: Budget;

  constructor(context: ConnectContext) {
    this.#context = context;
    this.#starts = new Budget(context.clock);
  }

  /** @param handle as it stands in a link */
  async open(handle: string): Promise<{ type: 'ticket'; ticket: ConnectTicket } | { type: 'page'; page: Page }> {
    const found = await this.#context.tickets.find(handle);
    if (found.type !== 'valid') return { type: 'page', page: ticketPages[found.type] };
    if (isRevokedFor(found.ticket, found.ticket.issuedAt, this.#context.snapshot()))
      return { type: 'page', page: ticketPages.revoked };
    return { type: 'ticket', ticket: found.ticket };
  }

  async show(ticket: ConnectTicket, session: BrowserSession, path: string): Promise<Page> {
    const target = this.#target(ticket);
    return target
      ? this.#page({ ticket, session, path, target }, await this.#situation(ticket, target))
      : ticketPages.gone;
  }

  /** Begins what a user asks for on a page of ours: leads to the provider at once, or to the form for its secret. */
  async begin(asked: ConnectWish, session: BrowserSession): Promise<Page> {
    const { handle, ticket } = await this.#context.tickets.issue(asked);
    if (isRevokedFor(ticket, ticket.issuedAt, this.#context.snapshot())) return ticketPages.revoked;
    const target = this.#target(asked);
    const path = `/connect/${handle}`;
    if (!target) return ticketPages.gone;
    const visit = { ticket, session, path, target };
    const situation = await this.#situation(ticket, target);
    return target.provider.spec.type === 'static' ? this.#page(visit, situation) : this.#proceed(visit, situation, {});
  }

  /** @param form what the page's form says: what it showed and, where the server's secret is typed in, that. */
  async start(
    ticket: ConnectTicket,
    session: BrowserSession,
    path: string,
    form: SignedFields & EnteredForm,
  ): Promise<Page> {
    const shown = readForm(session.formKey, path, form);
    if (shown === undefined) return ticketPages.staleForm;
    const target = this.#target(ticket);
    if (!target) return ticketPages.gone;
    const visit = { ticket, session, path, target };
    const situation = await this.#situation(ticket, target);
    const isChanged = situation.missing !== 'nothing' && changedSince(shown, connectShown(visit, situation)).length > 0;
    return isChanged ? this.#page(visit, situation, { notice: CHANGED }) : this.#proceed(visit, situation, form);
  }

  /** What the page for this situation would show, its user has agreed to. */
  async #proceed(visit: ConnectVisit, situation: Situation, entered: EnteredForm): Promise<Page> {
    const { consents, record } = this.#context;
    const { ticket, session, target } = visit;
    const about = aboutOf(ticket);
    if (situation.missing !== 'connection') {
      if (situation.missing === 'consent' && ticket.agent) {
        await consents.give({ userId: ticket.userId, clientId: ticket.agent.clientId, server: ticket.server });
        await record({ type: 'connection.consented', ...about });
      }
      return connectedPage(ticket.agent, titleOf(target));
    }
    const { spec } = target.provider;
    if (spec.type === 'static') return this.#enter(visit, situation, { spec, entered });
    // Each start calls a server and its authorization server, and is stored: a user causes as many as a person clicks.
    if (this.#starts.take(session.userId, STARTS_PER_MINUTE)) return busyPage;
    const result = await startConnecting(ticket, session, target, this.#context);
    if (result.type === 'continue') return continuePage(titleOf(target), result.url);
    await this.#context.reportFailure({ ...about, credentialProvider: ticket.credentialProvider }, result);
    return failedPage(titleOf(target), result);
  }

  #page(
    visit: ConnectVisit,
    situation: Situation,
    { notice, wrong }: { notice?: string; wrong?: 'secret' | 'username' } = {},
  ): Page {
    const { ticket, session, path, target } = visit;
    const fields = formFields(session.formKey, path, connectShown(visit, situation));
    const account = situation.missing === 'consent' ? situation.account : null;
    const asked: Asked = {
      ticket,
      path,
      fields,
      notice,
      account,
      serverTitle: titleOf(target),
      serverHost: new URL(target.server.spec.url).host,
    };
    const { spec } = target.provider;
    switch (situation.missing) {
      case 'connection':
        return spec.type === 'static' ? enterSecretPage(asked, spec, wrong) : connectPage(asked);
      case 'consent':
        return consentPage(asked);
      case 'nothing':
        return connectedPage(ticket.agent, asked.serverTitle);
    }
  }

  async #enter(
    visit: ConnectVisit,
    situation: Situation,
    { spec, entered }: { spec: StaticProvider; entered: EnteredForm },
  ): Promise<Page> {
    const { secret = '', username } = entered;
    const read = readStaticSecret(spec, { secret: secret.trim(), username: username?.trim() });
    if (read.type === 'invalid') return this.#page(visit, situation, { wrong: read.field });
    const { ticket, target } = visit;
    const { userId, agent, server } = ticket;
    const connection = await storeEnteredSecret({ userId, target, value: read.value }, this.#context);
    if (agent) await this.#context.consents.give({ userId, clientId: agent.clientId, server });
    await this.#announce(ticket, connection);
    return connectedPage(agent, titleOf(target));
  }

  async #announce(
    asked: AboutWhom,
    { id: connectionId, revision: connectionRevision }: Pick<Connection, 'id' | 'revision'>,
  ): Promise<void> {
    const { record, broadcastChanged } = this.#context;
    const about = { ...aboutOf(asked), connectionId };
    await broadcastChanged({ v: 1, connectionId, userId: asked.userId, server: asked.server, connectionRevision });
    await record({ type: 'connection.created', ...about, detail: { revision: connectionRevision } });
    await this.#context.connectHealth.succeeded(asked.credentialProvider);
    if (asked.agent) await record({ type: 'connection.consented', ...about });
  }

  /** @param shared the browser that followed an administrator's link, where it did */
  async finish(
    parameters: URLSearchParams,
    session: BrowserSession | undefined,
    shared?: ReturningBrowser,
  ): Promise<Page> {
    const result = await finishConnecting(
      parameters,
      [session, shared].filter((browser) => browser !== undefined),
      this.#context,
    );
    if (result.type === 'other_account' && session) return this.#askAboutAccount(result, session);
    return this.#outcome(result.type === 'other_account' ? { type: 'not_yours' } : result);
  }

  /** The user's answer to whether another account is meant. */
  async confirm(
    {
      confirmation,
      decision,
      ...form
    }: SignedFields & { readonly confirmation: string; readonly decision: 'use' | 'keep' },
    session: BrowserSession,
  ): Promise<Page> {
    const shown = readForm(session.formKey, CONFIRM, form);
    if (shown === undefined) return ticketPages.staleForm;
    const result = await confirmAccount(
      {
        confirmation,
        isWanted: decision === 'use',
        isAsShown: (question) => changedSince(shown, accountShown(question)).length === 0,
      },
      session,
      this.#context,
    );
    if (result.type === 'other_account') return this.#askAboutAccount(result, session, CHANGED);
    return result.type === 'declined' ? keptPage : this.#outcome(result);
  }

  #askAboutAccount(
    { grant, before, account, confirmation }: FinishResult & { type: 'other_account' },
    session: BrowserSession,
    notice?: string,
  ): Page {
    const target = this.#target(grant);
    const fields = formFields(session.formKey, CONFIRM, accountShown({ grant, before, account }));
    const from = before && (before.accountName ?? before.accountId);
    return otherAccountPage({
      serverTitle: target ? titleOf(target) : quotedName(grant.server),
      from,
      to: account?.name ?? null,
      confirmation,
      fields,
      notice,
    });
  }

  async #outcome(result: Exclude<FinishResult, { type: 'other_account' }>): Promise<Page> {
    if (result.type === 'not_yours') return ticketPages.notYours;
    const about = aboutOf(result.grant);
    const target = configuredTarget(this.#context.snapshot(), result.grant);
    const title = target ? titleOf(target) : quotedName(result.grant.server);
    switch (result.type) {
      case 'revoked':
        return ticketPages.revoked;
      case 'declined':
        return declinedPage(title);
      case 'failed':
        await this.#context.reportFailure({ ...about, credentialProvider: result.grant.credentialProvider }, result);
        return failedPage(title, result);
      case 'connected':
        await this.#announce(result.grant, result.connection);
        return result.grant.userId === null ? sharedConnectedPage(title) : connectedPage(result.grant.agent, title);
    }
  }

  #target(names: { server: string; credentialProvider: string }): ConfiguredTarget | undefined {
    const target = configuredTarget(this.#context.snapshot(), names);
    return target && isConnected(target.provider.spec) ? target : undefined;
  }

  /** Decided by what is stored now, not by what the ticket was made for: it may have been mended meanwhile. */
  async #situation(ticket: ConnectTicket, target: ConfiguredTarget): Promise<Situation> {
    const { store, vault, consents } = this.#context;
    const connection = await store.findFor(ticket.userId, ticket.server);
    const account = connection?.accountName ?? null;
    if (!connection || connection.state === 'needs_reconnect') return { missing: 'connection', account };
    if (ticket.replaces !== null && connection.revision <= ticket.replaces) return { missing: 'connection', account };
    const credential = openCredential(vault, connection);
    if (!pinsHold(connection, credential, target)) return { missing: 'connection', account };
    if (ticket.scopes !== undefined && !wasAskedFor(connection, credential, ticket.scopes))
      return { missing: 'connection', account };
    if (!ticket.agent) return { missing: 'nothing', account };
    return {
      missing: (await consents.has({ userId: ticket.userId, clientId: ticket.agent.clientId, server: ticket.server }))
        ? 'nothing'
        : 'consent',
      account,
    };
  }
}

interface Situation {
  readonly missing: 'connection' | 'consent' | 'nothing';
  readonly account: string | null;
}
interface ConnectVisit {
  readonly ticket: ConnectTicket;
  readonly session: BrowserSession;
  /** The path of the page, which its form posts to. */
  readonly path: string;
  readonly target: ConfiguredTarget;
}
const CONFIRM = '/connect/confirm';

function connectShown({ ticket, session, target }: ConnectVisit, { missing, account }: Situation): Shown {
  const { agent, scopes } = ticket;
  return {
    ...targetShown(target),
    missing,
    user: session.userId,
    agent: agent?.clientId ?? null,
    agentName: agent?.agentName ?? null,
    scopes: scopes ?? null,
    account: missing === 'consent' ? account : null,
  };
}

function accountShown({ grant, before, account }: AccountQuestion): Shown {
  return {
    server: grant.server,
    user: grant.userId,
    from: before?.accountId ?? null,
    fromName: before?.accountName ?? null,
    to: account?.id ?? null,
    toName: account?.name ?? null,
  };
}

type AboutWhom = Pick<ConnectTicket, 'agent' | 'server' | 'credentialProvider'> & { readonly userId: string | null };
const aboutOf = ({ userId, agent, server }: Omit<AboutWhom, 'credentialProvider'>) => ({
  ...(userId !== null && { userId }),
  server,
  ...agent,
});

/** As pages name it. */
function titleOf({ server }: ConfiguredTarget): string {
  return quotedName(serverTitle(server));
}
