import type { AuditRecord, CallRecord, LifecycleRecord } from '@sallyport/messages';
import type { AuditEvent } from './audit-event.js';

/** A call becomes its request and its response; everything else is one event. Absent facts stay absent. */
export function toEvents(record: AuditRecord): AuditEvent[] {
  const clean = storable(record);
  return clean.type === 'mcp.call' ? [requestOf(clean), responseOf(clean)] : [lifecycle(clean)];
}

const IDENTITY = ['userId', 'trustProvider', 'clientId', 'agentName', 'sid', 'server', 'replica'] as const;
const OF_REQUEST = [
  'protocolVersion',
  'method',
  'target',
  'definition',
  'decision',
  'policies',
  'policyRevision',
  'reason',
  'connectionId',
  'traceId',
] as const;
const OF_RESPONSE = [
  'method',
  'target',
  'decision',
  'httpStatus',
  'errorCode',
  'durationMs',
  'connectionId',
  'traceId',
] as const;

function requestOf(call: CallRecord): AuditEvent {
  const { id, receivedAt: at } = call;
  return withIdentity({ id: `${id}.request`, type: 'mcp.request', at }, call, {
    callId: id,
    ...saidOf(call, OF_REQUEST),
  });
}

function responseOf(call: CallRecord): AuditEvent {
  const { id, receivedAt, durationMs } = call;
  return withIdentity({ id: `${id}.response`, type: 'mcp.response', at: receivedAt + Math.round(durationMs) }, call, {
    callId: id,
    ...saidOf(call, OF_RESPONSE),
  });
}

function lifecycle(record: LifecycleRecord): AuditEvent {
  const { id, type, at, detail } = record;
  return withIdentity({ id, type, at }, record, { ...detail, ...saidOf(record, ['reason', 'connectionId']) });
}

function withIdentity(
  { id, type, at }: Pick<AuditEvent, 'id' | 'type' | 'at'>,
  record: AuditRecord,
  detail: AuditEvent['detail'],
): AuditEvent {
  const { replica } = record;
  return { id, type, at, ...saidOf(record, IDENTITY), replica, detail };
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
function storable<T>(value: T): T;
function storable(value: unknown): unknown {
  if (typeof value === 'string') {
    if (value.length <= MAX_TEXT && value.isWellFormed() && !value.includes('\u0000')) return value;
    return value.slice(0, MAX_TEXT).toWellFormed().replaceAll('\u0000', '\uFFFD');
  }
  if (typeof value !== 'object' || value === null) return value;
  let clean: Record<string, unknown> | undefined;
  for (const [name, part] of Object.entries(value)) {
    const storablePart: unknown = storable(part);
    if (storablePart !== part) (clean ??= { ...value })[name] = storablePart;
  }
  return clean ?? value;
}
