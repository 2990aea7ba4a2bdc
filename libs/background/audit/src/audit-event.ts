import { CallRecord, LifecycleRecord } from '@sallyport/messages';
import { z } from 'zod';
import { AuditEventType, ErrorClass, Outcome } from './event-types.js';

/**
 * One line of the trail, as it is stored, queried and forwarded. `id` is stable: the same record, delivered again,
 * makes the same events. Who did it stands in the same fields in every event: human, agent, session, server, tool
 * (R79). Events that an older version stored have fewer fields, and `tool` and `traceId` in the detail (as `target`).
 */
export const AuditEvent = z.object({
  id: z.string(),
  type: AuditEventType,
  /** The number of the type and the severity, for example `SPG02E`; see `EVENT_KINDS`. */
  code: z.string().optional(),
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
    writer: true,
    n: true,
  }).shape,
  /** Names that only the control plane knows: what they were when it stored the event, where it knew them. */
  userName: z.string().optional(),
  serverTitle: z.string().optional(),
  /** Whose account the credential of a call or a connection is, in the words of its provider. */
  account: z.string().optional(),
  /** The server's own name of the tool that was called, or is told of. */
  tool: z.string().optional(),
  outcome: Outcome.optional(),
  errorClass: ErrorClass.optional(),
  ...LifecycleRecord.pick({ address: true, traceId: true }).shape,
  /** What else there is to say about an event of this type. No secret; arguments and results in `mcp.content` alone. */
  detail: z.record(z.string(), z.json()),
});
export type AuditEvent = z.infer<typeof AuditEvent>;
