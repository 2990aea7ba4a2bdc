import { EndMcpSessions, ListEndedMcpSessions, subjects } from '@sallyport/messages';
import type { Admission, RequestHandler } from '@sallyport/messaging';
import type { EndedMcpSessions } from './ended-mcp-sessions.js';

/** What gateways tell and ask of ended MCP sessions. Each gateway has one request of a kind under way. */
export function mcpSessionHandlers({
  ended,
  admission,
}: {
  readonly ended: Pick<EndedMcpSessions, 'end' | 'list'>;
  readonly admission: Pick<Admission, 'admit'>;
}): Readonly<Record<string, RequestHandler>> {
  return {
    [subjects.endMcpSessions]: (payload) => {
      const { ends } = EndMcpSessions.parse(payload);
      return admission.admit(payload, () => ended.end(ends));
    },
    [subjects.listEndedMcpSessions]: (payload) => {
      const { after } = ListEndedMcpSessions.parse(payload);
      return admission.admit(payload, () => ended.list(after));
    },
  };
}
