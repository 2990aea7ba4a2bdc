import type { AuditRecord, CallRecord, LifecycleRecord } from '@sallyport/messages';
import { AuditEvent } from './audit-event.js';

/** A call becomes its request and its response; everything else is one event. Absent facts stay absent. */
export function toEvents(record: AuditRecord): AuditEvent[] {
  return (record.type === 'mcp.call' ? [requestOf(record), responseOf(record)] : [lifecycle(record)]).map(storable);
}

function requestOf(call: CallRecord): object {
  const {
    protocolVersion,
    method,
    target,
    definition,
    decision,
    policies,
    policyRevision,
    reason,
    connectionId,
    traceId,
  } = call;
  return {
    id: `${call.id}.request`,
    type: 'mcp.request',
    at: call.receivedAt,
    ...identityOf(call),
    detail: {
      callId: call.id,
      protocolVersion,
      method,
      target,
      definition,
      decision,
      policies,
      policyRevision,
      reason,
      connectionId,
      traceId,
    },
  };
}

function responseOf(call: CallRecord): object {
  const { method, target, decision, httpStatus, errorCode, durationMs, connectionId, traceId } = call;
  return {
    id: `${call.id}.response`,
    type: 'mcp.response',
    at: call.receivedAt + Math.round(durationMs),
    ...identityOf(call),
    detail: { callId: call.id, method, target, decision, httpStatus, errorCode, durationMs, connectionId, traceId },
  };
}

function lifecycle(record: LifecycleRecord): object {
  const { reason, connectionId, detail } = record;
  return {
    id: record.id,
    type: record.type,
    at: record.at,
    ...identityOf(record),
    detail: { ...detail, reason, connectionId },
  };
}

function identityOf({ userId, trustProvider, clientId, agentName, sid, server, replica }: AuditRecord) {
  return { userId, trustProvider, clientId, agentName, sid, server, replica };
}

const MAX_TEXT = 2_048;

/**
 * Names come from agents and servers: kept short, and free of what a JSON column cannot hold (NUL, half surrogate
 * pairs).
 */
function storable(event: object): AuditEvent {
  return AuditEvent.parse(clean(event));
}

function clean(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, MAX_TEXT).toWellFormed().replaceAll('\u0000', '\uFFFD');
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(clean);
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, part]) => (part === undefined ? [] : [[name, clean(part)]])),
  );
}
