import { Controller, Delete, Get, Inject, NotFoundException, Param, Query } from '@nestjs/common';
import type { ConnectionStore } from '@sallyport/credential';
import { z } from 'zod';
import { text } from '../admin/text.js';
import { disconnect, type DisconnectContext } from './disconnect.js';

export const ADMIN_DISCONNECT_CONTEXT = Symbol('administrators disconnect');
const ListQuery = z.strictObject({
  userId: text(64).optional(),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a number from 1 to 1000')
    .transform(Number)
    .pipe(z.int().min(1).max(1_000))
    .default(100),
});

/** What administrators see of connections: nothing sealed, and no token endpoint. Routes under `/v1/` need the administrator's token. */
@Controller('v1/connections')
export class ConnectionsController {
  readonly #context: DisconnectContext;
  readonly #store: ConnectionStore;

  constructor(@Inject(ADMIN_DISCONNECT_CONTEXT) context: DisconnectContext) {
    this.#context = context;
    this.#store = context.store;
  }

  @Get()
  async list(@Query() query: unknown) {
    const connections = await this.#store.list(ListQuery.parse(query));
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
          createdAt: iso(createdAt),
          updatedAt: iso(updatedAt),
        }),
      ),
    };
  }

  @Delete(':id')
  async remove(@Param('id') id: string) {
    // `pending` is not an error: the connection is gone here, and its provider is asked until it confirms.
    const result = await disconnect(text(64).parse(id), 'administrator', this.#context);
    if (result.type === 'not_found') throw new NotFoundException('There is no such connection.');
    return { id, upstream: result.upstream };
  }
}

function iso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
