import { Controller, Get, Inject } from '@nestjs/common';
import type { DisconnectContext } from './disconnect.js';
import { ADMIN_DISCONNECT_CONTEXT } from './connections.controller.js';

const SHOWN = 100;

/** What providers have yet to confirm of connections that were removed here. Routes under `/v1/` need the administrator's token. */
@Controller('v1/upstream-revocations')
export class UpstreamRevocationsController {
  constructor(@Inject(ADMIN_DISCONNECT_CONTEXT) private readonly context: DisconnectContext) {}

  /** Oldest first, at most 100 of them; `outstanding` counts them all. */
  @Get()
  async list() {
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
