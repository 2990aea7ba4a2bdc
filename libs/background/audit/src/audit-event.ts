import { CallRecord, LifecycleRecord } from '@sallyport/messages';
import { z } from 'zod';

export const AuditEventType = z.enum(['mcp.request', 'mcp.response', ...LifecycleRecord.shape.type.options]);
export type AuditEventType = z.infer<typeof AuditEventType>;

/**
 * One line of the trail, as it is stored, queried and forwarded. `id` is stable: the same record, delivered again,
 * makes the same events. Who did it stands in the same fields in every event: human, agent, session, server, tool
 * (R79).
 */
export const AuditEvent = z.object({
  id: z.string(),
  type: AuditEventType,
  /** Milliseconds since the epoch. */
  at: z.int(),
  /** The token's subject; absent when the agent could not be identified (R76). */
  ...CallRecord.pick({
    userId: true,
    trustProvider: true,
    clientId: true,
    agentName: true,
    sid: true,
    server: true,
    replica: true,
  }).shape,
  /** What else there is to say about an event of this type. No secret, no argument, no result. */
  detail: z.record(z.string(), z.json()),
});
export type AuditEvent = z.infer<typeof AuditEvent>;
