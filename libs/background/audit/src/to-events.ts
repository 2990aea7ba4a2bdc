import type { AuditRecord, CallRecord, LifecycleRecord } from '@sallyport/messages';
import type { AuditEvent } from './audit-event.js';

/** A call becomes its request and its response; everything else is one event. Absent facts stay absent. */
export function toEvents(record: AuditRecord): AuditEvent[] {
  return (record.type === 'mcp.call' ? [requestOf(record), responseOf(record)] : [lifecycle(record)]).map(storable);
}

function requestOf(call: CallRecord): AuditEvent {
  const { protocolVersion, method, target, decision, policies, policyRevision, reason, connectionId, traceId } = call;
  return {
    id: `${call.id}.request`,
    type: 'mcp.request',
    at: call.receivedAt,
    ...identityOf(call),
    detail: { callId: call.id, protocolVersion, method, target, decision, policies, policyRevision, reason, connectionId, traceId },
  };
}

function responseOf(call: CallRecord): AuditEvent {
  const { method, target, decision, httpStatus, errorCode, durationMs, connectionId, traceId } = call;
  return {
    id: `${call.id}.response`,
    type: 'mcp.response',
    at: call.receivedAt + Math.round(durationMs),
    ...identityOf(call),
    detail: { callId: call.id, method, target, decision, httpStatus, errorCode, durationMs, connectionId, traceId },
  };
}

function lifecycle(record: LifecycleRecord): AuditEvent {
  const { reason, connectionId, detail } = record;
  return { id: record.id, type: record.type, at: record.at, ...identityOf(record), detail: { ...detail, reason, connectionId } };
}

function identityOf({ userId, trustProvider, clientId, agentName, sid, server, replica }: AuditRecord) {
  return { ...definedOnly({ userId, trustProvider, clientId, agentName, sid, server }), replica };
}

const MAX_TEXT = 2_048;

/** Names come from agents and servers: kept short, and free of what a JSON column cannot hold (NUL, half surrogate pairs). */
function storable(event: AuditEvent): AuditEvent {
  const clean = (value: unknown): unknown => {
    if (typeof value === 'string') return value.slice(0, MAX_TEXT).toWellFormed().replaceAll('\u0000', '\uFFFD');
    if (typeof value !== 'object' || value === null) return value;
    return definedOnly(Object.fromEntries(Object.entries(value).map(([name, part]) => [name, clean(part)])));
  };
  return clean(event) as AuditEvent;
}

function definedOnly<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
