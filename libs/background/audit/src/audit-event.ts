import type { AuditRecord } from '@sallyport/messages';

export type AuditEventType = 'mcp.request' | 'mcp.response' | Exclude<AuditRecord['type'], 'mcp.call'>;

/**
 * One line of the trail, as it is stored, queried and forwarded. `id` is stable: the same record, delivered again, makes
 * the same events. Who did it stands in the same fields in every event: human, agent, session, server, tool (R79).
 */
export interface AuditEvent {
  readonly id: string;
  readonly type: AuditEventType;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The token's subject; absent when the agent could not be identified (R76). */
  readonly userId?: string;
  readonly trustProvider?: string;
  readonly clientId?: string;
  readonly agentName?: string;
  readonly sid?: string;
  readonly server?: string;
  readonly replica: string;
  /** What else there is to say about an event of this type. No secret, no argument, no result. */
  readonly detail: Readonly<Record<string, unknown>>;
}
