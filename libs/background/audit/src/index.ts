/**
 * What the audit trail is made of: records of calls and of lifecycle steps become events, one shape for all (R79).
 * Pure; where events are kept and who may read them is the control plane's, how records travel is `messages` and the
 * spool.
 */
export { AuditEvent, AuditEventType } from './audit-event.js';
export { toEvents } from './to-events.js';
