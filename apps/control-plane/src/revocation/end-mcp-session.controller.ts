import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { EndMcpSession, subjects } from '@sallyport/messages';
import { ConfigurationPublisher } from '../configuration/configuration-publisher.js';
import { PostgresRevocationStore } from './revocation-store.js';

/** A gateway cannot write revocations itself (S26): it asks for the one kind it may cause, the end of an MCP session. */
@Controller()
export class EndMcpSessionController {
  constructor(
    @Inject(PostgresRevocationStore) private readonly store: PostgresRevocationStore,
    @Inject(ConfigurationPublisher) private readonly publisher: ConfigurationPublisher,
  ) {}

  @MessagePattern(subjects.endMcpSession)
  async end(@Payload() payload: unknown): Promise<{ v: 1; ended: boolean }> {
    const request = EndMcpSession.safeParse(payload);
    if (!request.success) return { v: 1, ended: false };
    await this.store.endMcpSession(request.data.id, request.data.expiresAt);
    await this.publisher.flush();
    return { v: 1, ended: true };
  }
}
