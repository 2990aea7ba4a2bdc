import { Controller, Inject, NotFoundException } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import type { ConnectionStore } from '@sallyport/connection';
import { Serve } from '../../admin/serve.js';
import { disconnect, type DisconnectContext } from './disconnect.js';

export const ADMIN_DISCONNECT_CONTEXT = Symbol('administrators disconnect');

/** Lists and removes connections. Nothing sealed and no token endpoint is in an answer. */
@Controller()
export class ConnectionsController {
  readonly #context: DisconnectContext;
  readonly #store: ConnectionStore;

  constructor(@Inject(ADMIN_DISCONNECT_CONTEXT) context: DisconnectContext) {
    this.#context = context;
    this.#store = context.store;
  }

  @Serve(routes.listConnections)
  async list({ query }: Asked<'listConnections'>): Promise<Answered<'listConnections'>> {
    const connections = await this.#store.list(query);
    return {
      connections: connections.map(
        ({
          id,
          userId,
          server,
          credentialProvider,
          state,
          revision,
          issuer,
          resource,
          scopes,
          accessExpiresAt,
          refreshDueAt,
          refreshFailures,
          lastUsedAt,
          accountName,
          createdAt,
          updatedAt,
        }) => ({
          id,
          userId,
          server,
          credentialProvider,
          state,
          revision,
          issuer,
          resource,
          scopes,
          refreshFailures,
          account: accountName,
          lastUsedAt: iso(lastUsedAt),
          accessExpiresAt: iso(accessExpiresAt),
          refreshDueAt: iso(refreshDueAt),
          createdAt: new Date(createdAt).toISOString(),
          updatedAt: new Date(updatedAt).toISOString(),
        }),
      ),
    };
  }

  /** `pending` is no error: the connection is gone here, and its provider is asked until it confirms. */
  @Serve(routes.removeConnection)
  async remove({ params: { id } }: Asked<'removeConnection'>): Promise<Answered<'removeConnection'>> {
    const result = await disconnect(id, 'administrator', this.#context);
    if (result.type === 'not_found') throw new NotFoundException('There is no such connection.');
    return { id, upstream: result.upstream };
  }
}

function iso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
