import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { EndMcpSessions, ListEndedMcpSessions, subjects } from '@sallyport/messages';
import type { Admission } from '@sallyport/messaging';
import { EndedMcpSessions } from './ended-mcp-sessions.js';

export const MCP_SESSIONS_CONTEXT = Symbol('mcp sessions context');
export interface McpSessionsContext {
  readonly ended: EndedMcpSessions;
  readonly admission: Admission;
}

/** What gateways tell and ask of ended MCP sessions. Each has one request of a kind under way. */
@Controller()
export class McpSessionsController {
  constructor(@Inject(MCP_SESSIONS_CONTEXT) private readonly context: McpSessionsContext) {}

  @MessagePattern(subjects.endMcpSessions)
  end(@Payload() payload: unknown) {
    const { ends } = EndMcpSessions.parse(payload);
    return this.context.admission.admit(payload, () => this.context.ended.end(ends));
  }

  @MessagePattern(subjects.listEndedMcpSessions)
  list(@Payload() payload: unknown) {
    const { after } = ListEndedMcpSessions.parse(payload);
    return this.context.admission.admit(payload, () => this.context.ended.list(after));
  }
}
