/**
 * What the audit trail is made of: records of calls and of lifecycle steps become events, one shape for all (R79).
 * Pure; where events are kept and who may read them is the control plane's, how records travel is `messages` and the
 * spool.
 */
export { AuditEvent } from './audit-event.js';
export { AuditEventType, codeOf, ErrorClass, EVENT_KINDS, Outcome, SEVERITIES } from './event-types.js';
export type { EventKind, Severity } from './event-types.js';
export { toEvents } from './to-events.js';
