import { Controller, Inject } from '@nestjs/common';
import { routes, type Answered } from '@sallyport/admin-api';
import { Serve } from '../../admin/serve.js';
import type { DisconnectContext } from './disconnect.js';
import { ADMIN_DISCONNECT_CONTEXT } from './connections.controller.js';

const SHOWN = 100;

/** Lists what providers have yet to confirm of connections that were removed here. */
@Controller()
export class UpstreamRevocationsController {
  constructor(@Inject(ADMIN_DISCONNECT_CONTEXT) private readonly context: DisconnectContext) {}

  /** Oldest first, at most 100 of them; `outstanding` counts them all. */
  @Serve(routes.listUpstreamRevocations)
  async list(): Promise<Answered<'listUpstreamRevocations'>> {
    const { total, oldest } = await this.context.revocations.outstanding(SHOWN);
    return {
      outstanding: total,
      revocations: oldest.map(
        ({ id, userId, server, credentialProvider, issuer, attempts, removedAt, dueAt, givesUpAt }) => ({
          connectionId: id,
          userId,
          server,
          credentialProvider,
          issuer,
          attempts,
          removedAt: iso(removedAt),
          nextAttemptAt: iso(dueAt),
          givesUpAt: iso(givesUpAt),
        }),
      ),
    };
  }
}

const iso = (time: number) => new Date(time).toISOString();
