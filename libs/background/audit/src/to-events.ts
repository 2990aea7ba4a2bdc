import type { AuditRecord, CallRecord, LifecycleRecord } from '@sallyport/messages';
import { MAX_CONTENT_BYTES } from '@sallyport/messages/content';
import type { ContentRecord } from '@sallyport/messages/content';
import type { AuditEvent } from './audit-event.js';
import { codeOf } from './event-types.js';
import { outcomeOfCall, outcomeOfRequest, outcomeOfStep } from './outcome-of.js';
import type { Came } from './outcome-of.js';

/** A call becomes its request and its response; everything else is one event. Absent facts stay absent. */
export function toEvents(record: AuditRecord): AuditEvent[] {
  if (record.type === 'mcp.content') return [contentOf(storable(record, MAX_CONTENT_BYTES))];
  const clean = storable(record);
  return clean.type === 'mcp.call' ? [requestOf(clean), responseOf(clean)] : [lifecycle(clean)];
}

const IDENTITY = [
  'userId',
  'trustProvider',
  'clientId',
  'agentName',
  'sid',
  'server',
  'replica',
  'writer',
  'n',
  'address',
  'traceId',
] as const;
const OF_REQUEST = [
  'protocolVersion',
  'method',
  'definition',
  'decision',
  'policies',
  'policyRevision',
  'reason',
  'connectionId',
  'requestBytes',
] as const;
const OF_RESPONSE = [
  'method',
  'decision',
  'policies',
  'policyRevision',
  'reason',
  'httpStatus',
  'errorCode',
  'durationMs',
  'upstreamMs',
  'requestBytes',
  'responseBytes',
  'connectionId',
] as const;

function requestOf(call: CallRecord): AuditEvent {
  const { id, receivedAt: at } = call;
  return eventOf({ id: `${id}.request`, type: 'mcp.request', at }, call, outcomeOfRequest(call), {
    callId: id,
    ...saidOf(call, OF_REQUEST),
  });
}

function responseOf(call: CallRecord): AuditEvent {
  const { id, receivedAt, durationMs, upstreamMs } = call;
  const at = receivedAt + Math.round(durationMs);
  return eventOf({ id: `${id}.response`, type: 'mcp.response', at }, call, outcomeOfCall(call), {
    callId: id,
    ...saidOf(call, OF_RESPONSE),
    ...(upstreamMs !== undefined && { overheadMs: Math.max(0, Math.round((durationMs - upstreamMs) * 1000) / 1000) }),
  });
}

const OF_CONTENT = [
  'callId',
  'method',
  'level',
  'arguments',
  'argumentsWithheld',
  'result',
  'resultWithheld',
  'connectionId',
] as const;

/** Its parts stay the texts they are: nobody reads them here, and no column has to hold what somebody made up. */
function contentOf(content: ContentRecord): AuditEvent {
  const { id, type, at } = content;
  return eventOf({ id, type, at }, content, { outcome: 'success' }, saidOf(content, OF_CONTENT));
}

function lifecycle(record: LifecycleRecord): AuditEvent {
  const { id, type, at, detail } = record;
  const event = eventOf({ id, type, at }, record, outcomeOfStep(record), {
    ...detail,
    ...saidOf(record, ['reason', 'connectionId']),
  });
  const tool = type === 'tool.listed' ? detail?.['tool'] : undefined;
  if (typeof tool === 'string') event.tool = tool;
  return event;
}

function eventOf(
  { id, type, at }: Pick<AuditEvent, 'id' | 'type' | 'at'>,
  record: AuditRecord,
  { outcome, errorClass }: Came,
  detail: AuditEvent['detail'],
): AuditEvent {
  const event: AuditEvent = {
    id,
    type,
    code: codeOf(type, outcome),
    at,
    ...saidOf(record, IDENTITY),
    replica: record.replica,
    detail,
  };
  if (outcome !== undefined) event.outcome = outcome;
  if (errorClass !== undefined) event.errorClass = errorClass;
  if (record.type === 'mcp.call' || record.type === 'mcp.content') addTarget(event, record);
  return event;
}

/** A tool has a field of its own; what else is asked for by name stands in the detail. */
function addTarget(event: AuditEvent, { method, target }: CallRecord | ContentRecord): void {
  if (target === undefined) return;
  if (method === 'tools/call') event.tool = target;
  else event.detail['target'] = target;
}

/** The facts of these names that are there. */
function saidOf<T extends object, K extends keyof T>(record: T, names: readonly K[]): { [N in K]?: NonNullable<T[N]> } {
  const said: { [N in K]?: NonNullable<T[N]> } = {};
  for (const name of names) {
    const fact = record[name];
    if (fact !== undefined && fact !== null) said[name] = fact;
  }
  return said;
}

const MAX_TEXT = 2_048;

/**
 * Names come from agents and servers: kept short, and free of what a JSON column cannot hold (NUL, half surrogate
 * pairs). What is storable already, as nearly all is, comes back as it is.
 */
function storable<T>(value: T, maxText?: number): T;
function storable(value: unknown, maxText = MAX_TEXT): unknown {
  if (typeof value === 'string') {
    if (value.length <= maxText && value.isWellFormed() && !value.includes('\u0000')) return value;
    return value.slice(0, maxText).toWellFormed().replaceAll('\u0000', '\uFFFD');
  }
  if (typeof value !== 'object' || value === null) return value;
  let clean: Record<string, unknown> | undefined;
  for (const [name, part] of Object.entries(value)) {
    const storablePart: unknown = storable(part, maxText);
    if (storablePart !== part) (clean ??= { ...value })[name] = storablePart;
  }
  return clean ?? value;
}
