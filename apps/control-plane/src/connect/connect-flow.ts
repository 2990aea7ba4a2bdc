import { isConnected } from '@sallyport/configuration';
import { configuredTarget, openCredential, pinsHold, readStaticSecret, storeEnteredSecret, wasAskedFor, type ConfiguredTarget, type Connection, type EnteredSecret, type StaticProvider } from '@sallyport/credential';
import type { CredentialChanged } from '@sallyport/messages';
import type { BrowserSession } from '../session/browser-sessions.js';
import type { Page } from '../pages/page.js';
import type { RecordLifecycle } from '../lease/announce-refresh.js';
import { connectedPage, connectPage, consentPage, continuePage, declinedPage, enterSecretPage, failedPage, keptPage, otherAccountPage, sharedConnectedPage, ticketPages, type Asked } from './connect-pages.js';
import { openConnectTicket, sealConnectTicket, type ConnectTicket } from './connect-ticket.js';
import { confirmAccount, finishConnecting, isRevokedFor, type FinishContext, type FinishResult, type ReturningBrowser } from './finish-connecting.js';
import { startConnecting, type StartContext } from './start-connecting.js';

export interface ConnectContext extends FinishContext, StartContext {
  readonly record: RecordLifecycle;
  readonly broadcastChanged: (changed: CredentialChanged) => Promise<void>;
}

type EnteredForm = { readonly [K in keyof EnteredSecret]?: EnteredSecret[K] | undefined };

/** From a ticket to a stored connection, as pages. Who is looking is the controller's to establish. */
export class ConnectFlow {
  readonly #context: ConnectContext;

  constructor(context: ConnectContext) {
    this.#context = context;
  }

  open(text: string): { type: 'ticket'; ticket: ConnectTicket } | { type: 'page'; page: Page } {
    const opened = openConnectTicket(text, this.#context.vault, this.#context.clock);
    if (opened.type !== 'valid') return { type: 'page', page: ticketPages[opened.type] };
    if (isRevokedFor(opened.ticket, opened.ticket.issuedAt, this.#context.snapshot())) return { type: 'page', page: ticketPages.revoked };
    return { type: 'ticket', ticket: opened.ticket };
  }

  async show(ticket: ConnectTicket, session: BrowserSession, path: string): Promise<Page> {
    const target = this.#target(ticket);
    if (!target) return ticketPages.gone;
    const asked = askedAbout(ticket, session, path, target);
    const missing = await this.#missing(ticket, target);
    const { spec } = target.provider;
    return missing === 'connection' ? (spec.type === 'static' ? enterSecretPage(asked, spec) : connectPage(asked)) : missing === 'consent' ? consentPage(asked) : connectedPage(ticket.agent, asked.serverTitle);
  }

  /** What a user asks for on a page of ours goes to the provider at once, or to the form where its secret is typed in. */
  async begin(asked: Omit<ConnectTicket, 'issuedAt'>, session: BrowserSession): Promise<Page> {
    const text = sealConnectTicket(asked, this.#context.vault, this.#context.clock);
    const opened = this.open(text);
    if (opened.type === 'page') return opened.page;
    const target = this.#target(asked);
    const path = `/connect/${text}`;
    return target?.provider.spec.type === 'static' ? this.show(opened.ticket, session, path) : this.start(opened.ticket, session, path, {});
  }

  /** @param entered what the form of the page says, where the server's secret is typed in. */
  async start(ticket: ConnectTicket, session: BrowserSession, path: string, entered: EnteredForm): Promise<Page> {
    const { consents, record } = this.#context;
    const target = this.#target(ticket);
    if (!target) return ticketPages.gone;
    const about = aboutOf(ticket);
    const missing = await this.#missing(ticket, target);
    if (missing !== 'connection') {
      if (missing === 'consent' && ticket.agent) {
        await consents.give({ userId: ticket.userId, clientId: ticket.agent.clientId, server: ticket.server });
        await record({ type: 'connection.consented', ...about });
      }
      return connectedPage(ticket.agent, titleOf(target));
    }
    const { spec } = target.provider;
    if (spec.type === 'static') return this.#enter(askedAbout(ticket, session, path, target), { target, spec, entered });
    const result = await startConnecting(ticket, session, target, this.#context);
    if (result.type === 'continue') return continuePage(titleOf(target), result.url);
    await record({ type: 'connection.refresh_failed', ...about, reason: result.reason, detail: { step: 'connect' } });
    return failedPage(titleOf(target), result.isTemporary);
  }

  async #enter(asked: Asked, { target, spec, entered }: { target: ConfiguredTarget; spec: StaticProvider; entered: EnteredForm }): Promise<Page> {
    const { secret = '', username } = entered;
    const read = readStaticSecret(spec, { secret: secret.trim(), username: username?.trim() });
    if (read.type === 'invalid') return enterSecretPage(asked, spec, read.field);
    const { userId, agent, server } = asked.ticket;
    const connection = await storeEnteredSecret({ userId, target, value: read.value }, this.#context);
    if (agent) await this.#context.consents.give({ userId, clientId: agent.clientId, server });
    await this.#announce(asked.ticket, connection);
    return connectedPage(agent, asked.serverTitle);
  }

  async #announce(asked: AboutWhom, { id: connectionId, revision: connectionRevision }: Pick<Connection, 'id' | 'revision'>): Promise<void> {
    const { record, broadcastChanged } = this.#context;
    const about = { ...aboutOf(asked), connectionId };
    await broadcastChanged({ v: 1, connectionId, userId: asked.userId, server: asked.server, connectionRevision });
    await record({ type: 'connection.created', ...about, detail: { revision: connectionRevision } });
    if (asked.agent) await record({ type: 'connection.consented', ...about });
  }

  /** @param shared the browser that followed an administrator's link, where it did */
  async finish(parameters: URLSearchParams, session: BrowserSession | undefined, shared?: ReturningBrowser): Promise<Page> {
    const result = await finishConnecting(parameters, [session, shared].filter((browser) => browser !== undefined), this.#context);
    if (result.type === 'other_account' && session) {
      const target = this.#target(result.grant);
      return otherAccountPage({ serverTitle: target ? titleOf(target) : result.grant.server, from: result.from, to: result.to, confirmation: result.confirmation, session });
    }
    return this.#outcome(result.type === 'other_account' ? { type: 'not_yours' } : result);
  }

  /** @param isWanted whether another account than so far is meant */
  async confirm(confirmation: string, isWanted: boolean, session: BrowserSession): Promise<Page> {
    const result = await confirmAccount(confirmation, isWanted, session, this.#context);
    return result.type === 'declined' ? keptPage : this.#outcome(result);
  }

  async #outcome(result: Exclude<FinishResult, { type: 'other_account' }>): Promise<Page> {
    const { record } = this.#context;
    if (result.type === 'not_yours') return ticketPages.notYours;
    const about = aboutOf(result.grant);
    const target = configuredTarget(this.#context.snapshot(), result.grant);
    const title = target ? titleOf(target) : result.grant.server;
    switch (result.type) {
      case 'revoked':
        return ticketPages.revoked;
      case 'declined':
        return declinedPage(title);
      case 'failed':
        await record({ type: 'connection.refresh_failed', ...about, reason: result.reason, detail: { step: 'connect' } });
        return failedPage(title, result.reason === 'unavailable' || result.reason === 'unreachable' || result.reason === 'ambiguous');
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
  async #missing(ticket: ConnectTicket, target: ConfiguredTarget): Promise<'connection' | 'consent' | 'nothing'> {
    const { store, vault, consents } = this.#context;
    const connection = await store.findFor(ticket.userId, ticket.server);
    if (!connection || connection.state === 'needs_reconnect') return 'connection';
    if (ticket.replaces !== null && connection.revision <= ticket.replaces) return 'connection';
    const credential = openCredential(vault, connection);
    if (!pinsHold(connection, credential, target)) return 'connection';
    if (ticket.scopes !== undefined && !wasAskedFor(connection, credential, ticket.scopes)) return 'connection';
    if (!ticket.agent) return 'nothing';
    return (await consents.has({ userId: ticket.userId, clientId: ticket.agent.clientId, server: ticket.server })) ? 'nothing' : 'consent';
  }
}

type AboutWhom = Pick<ConnectTicket, 'agent' | 'server'> & { readonly userId: string | null };
const aboutOf = ({ userId, agent, server }: AboutWhom) => ({ ...(userId !== null && { userId }), server, ...agent });

function askedAbout(ticket: ConnectTicket, session: BrowserSession, path: string, target: ConfiguredTarget): Asked {
  return { ticket, session, path, serverTitle: titleOf(target), serverHost: new URL(target.server.spec.url).host };
}

function titleOf({ server }: ConfiguredTarget): string {
  return server.spec.title ?? server.name;
}
