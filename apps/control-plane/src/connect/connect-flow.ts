import { configuredTarget, openCredential, pinsHold, type ConfiguredTarget } from '@sallyport/credential';
import type { CredentialChanged } from '@sallyport/messages';
import type { BrowserSession } from '../session/browser-sessions.js';
import type { Page } from '../pages/page.js';
import type { RecordLifecycle } from '../lease/announce-refresh.js';
import { connectedPage, connectPage, consentPage, continuePage, declinedPage, failedPage, ticketPages } from './connect-pages.js';
import { openConnectTicket, type ConnectTicket } from './connect-ticket.js';
import { finishConnecting, type FinishContext } from './finish-connecting.js';
import { startConnecting, type StartContext } from './start-connecting.js';

export interface ConnectContext extends FinishContext, StartContext {
  readonly record: RecordLifecycle;
  readonly broadcastChanged: (changed: CredentialChanged) => Promise<void>;
}

/** From a ticket to a stored connection, as pages. Who is looking is the controller's to establish. */
export class ConnectFlow {
  readonly #context: ConnectContext;

  constructor(context: ConnectContext) {
    this.#context = context;
  }

  open(text: string): { type: 'ticket'; ticket: ConnectTicket } | { type: 'page'; page: Page } {
    const opened = openConnectTicket(text, this.#context.vault, this.#context.clock);
    if (opened.type !== 'valid') return { type: 'page', page: ticketPages[opened.type] };
    const { userId, clientId, sid, issuedAt } = opened.ticket;
    if (this.#context.snapshot().revocations.isRevoked({ userId, clientId, sid, issuedAt: Math.floor(issuedAt / 1000) })) return { type: 'page', page: ticketPages.revoked };
    return { type: 'ticket', ticket: opened.ticket };
  }

  async show(ticket: ConnectTicket, session: BrowserSession, path: string): Promise<Page> {
    const target = this.#target(ticket);
    if (!target) return ticketPages.gone;
    const asked = { ticket, session, path, serverTitle: titleOf(target), serverHost: new URL(target.server.spec.url).host };
    const missing = await this.#missing(ticket, target);
    return missing === 'connection' ? connectPage(asked) : missing === 'consent' ? consentPage(asked) : connectedPage(ticket.agentName, asked.serverTitle);
  }

  async start(ticket: ConnectTicket, session: BrowserSession): Promise<Page> {
    const { consents, record } = this.#context;
    const target = this.#target(ticket);
    if (!target) return ticketPages.gone;
    const about = { userId: ticket.userId, clientId: ticket.clientId, agentName: ticket.agentName, sid: ticket.sid, server: ticket.server };
    const missing = await this.#missing(ticket, target);
    if (missing !== 'connection') {
      if (missing === 'consent') {
        await consents.give(ticket);
        await record({ type: 'connection.consented', ...about });
      }
      return connectedPage(ticket.agentName, titleOf(target));
    }
    const result = await startConnecting(ticket, session, target, this.#context);
    if (result.type === 'continue') return continuePage(titleOf(target), result.url);
    await record({ type: 'connection.refresh_failed', ...about, reason: result.reason, detail: { step: 'connect' } });
    return failedPage(titleOf(target), result.isTemporary);
  }

  async finish(parameters: URLSearchParams, session: BrowserSession | undefined): Promise<Page> {
    const { record, broadcastChanged } = this.#context;
    const result = await finishConnecting(parameters, session, this.#context);
    if (result.type === 'not_yours') return ticketPages.notYours;
    const { userId, clientId, agentName, sid, server } = result.grant;
    const about = { userId, clientId, agentName, sid, server };
    const target = this.#target(result.grant);
    const title = target ? titleOf(target) : server;
    switch (result.type) {
      case 'revoked':
        return ticketPages.revoked;
      case 'declined':
        return declinedPage(title);
      case 'failed':
        await record({ type: 'connection.refresh_failed', ...about, reason: result.reason, detail: { step: 'connect' } });
        return failedPage(title, result.reason === 'unavailable' || result.reason === 'unreachable' || result.reason === 'ambiguous');
      case 'connected': {
        const { id: connectionId, revision: connectionRevision } = result.connection;
        await broadcastChanged({ v: 1, connectionId, userId, server, connectionRevision });
        await record({ type: 'connection.created', ...about, connectionId, detail: { revision: connectionRevision } });
        await record({ type: 'connection.consented', ...about, connectionId });
        return connectedPage(agentName, title);
      }
    }
  }

  #target(names: { server: string; credentialProvider: string }): ConfiguredTarget | undefined {
    const target = configuredTarget(this.#context.snapshot(), names);
    return target?.provider.spec.type === 'mcp-user-oauth' ? target : undefined;
  }

  /** Decided by what is stored now, not by what the ticket was made for: it may have been mended meanwhile. */
  async #missing(ticket: ConnectTicket, target: ConfiguredTarget): Promise<'connection' | 'consent' | 'nothing'> {
    const { store, vault, consents } = this.#context;
    const connection = await store.findFor(ticket.userId, ticket.server);
    if (!connection || connection.state === 'needs_reconnect') return 'connection';
    if (ticket.replaces !== null && connection.revision <= ticket.replaces) return 'connection';
    if (!pinsHold(connection, openCredential(vault, connection), target)) return 'connection';
    return (await consents.has(ticket)) ? 'nothing' : 'consent';
  }
}

function titleOf({ server }: ConfiguredTarget): string {
  return server.spec.title ?? server.name;
}
