import type { AuditEvent } from '../audit-event.js';
import { codeOf, EVENT_KINDS } from '../event-types.js';
import type { EventKind, Outcome, Severity } from '../event-types.js';
import { classified } from './classes.js';
import type { Activity } from './classes.js';
import { controlOf } from './control.js';
import { detailsOf, present } from './details.js';
import { MAPPINGS } from './mappings.js';
import { partsOf } from './parts.js';
import type { Parts } from './parts.js';
import { OCSF_VERSIONS } from './versions.js';
import type { OcsfVersion } from './versions.js';

/** `sequence`: the place of the event in the store. */
export type SequencedEvent = AuditEvent & { readonly sequence?: number | undefined };

const SEVERITIES: Readonly<Record<Severity, readonly [id: number, severity: string]>> = {
  I: [1, 'Informational'],
  W: [2, 'Low'],
  E: [3, 'Medium'],
};

const STATUSES: Readonly<Record<Outcome, readonly [id: number, status: string]>> = {
  success: [1, 'Success'],
  failure: [2, 'Failure'],
  denied: [2, 'Failure'],
  pending: [99, 'Pending'],
};

/** An event in the shape of OCSF. What has no place there is in `unmapped`, under its own name. */
export function toOcsf(event: SequencedEvent, version: OcsfVersion): Record<string, unknown> {
  const { type, at } = event;
  const kind: EventKind = EVENT_KINDS[type];
  const mapping = MAPPINGS[type];
  const outcome = event.outcome ?? kind.outcome;
  const errorClass = event.errorClass ?? kind.errorClass;
  const details = detailsOf(event.detail);
  const activity: Activity = mapping.activity === 'byMethod' ? activityOf(event.detail['method']) : mapping.activity;
  const reason = details.text('reason');
  const parts = partsOf(event, mapping, details, version);
  // That something was allowed says nothing of an entity.
  const says = mapping.class === 'entityManagement' ? errorClass !== undefined : outcome !== undefined;
  const control = says ? controlOf(type, outcome, errorClass) : undefined;
  const code = event.code ?? codeOf(type, outcome);
  return {
    ...classified(mapping.class, activity),
    time: at,
    ...severityOf(code),
    ...(mapping.class === 'detectionFinding' ? { status_id: 1, status: 'New' } : statusOf(outcome)),
    ...present({ status_code: errorClass, status_detail: reason }),
    message: kind.title,
    metadata: metadataOf(event, version, code, profilesOf(parts, control), parts.callId),
    ...control,
    ...parts.attributes,
    ...present({ unmapped: present({ ...details.rest(), ...parts.unmapped, n: event.n }) }),
  };
}

function statusOf(outcome: Outcome | undefined): Record<string, number | string> {
  const [status_id, status] = outcome === undefined ? ([0, 'Unknown'] as const) : STATUSES[outcome];
  return { status_id, status };
}

function severityOf(code: string): Record<string, number | string> {
  const found = SEVERITIES[code.at(-1) as Severity] as (typeof SEVERITIES)[Severity] | undefined;
  const [severity_id, severity] = found ?? ([0, 'Unknown'] as const);
  return { severity_id, severity };
}

/** Profiles whose attributes the event has. */
const profilesOf = ({ attributes }: Parts, control: object | undefined): string[] => [
  ...(control === undefined ? [] : ['security_control']),
  ...('trace' in attributes ? ['trace'] : []),
  ...('ai_agent' in attributes ? ['ai_operation'] : []),
];

function metadataOf(
  { id, type, at, replica, writer, sequence }: SequencedEvent,
  version: OcsfVersion,
  code: string,
  profiles: readonly string[],
  callId: string | undefined,
): Record<string, unknown> {
  return {
    version: OCSF_VERSIONS[version],
    product: { name: 'Sallyport', vendor_name: 'Sallyport' },
    uid: id,
    type,
    event_code: code,
    log_name: 'audit',
    original_time: new Date(at).toISOString(),
    loggers: [present({ name: replica, uid: writer })],
    ...(profiles.length > 0 && { profiles }),
    ...present({ correlation_uid: callId, sequence }),
  };
}

const HTTP_ACTIVITIES = new Map<unknown, Activity<'apiActivity'>>([
  ['GET', 'Read'],
  ['HEAD', 'Read'],
  ['PUT', 'Update'],
  ['PATCH', 'Update'],
  ['DELETE', 'Delete'],
]);
const MCP_READS = /\/(?:list|read|get)$/;

/** A method of MCP or of HTTP. What a tool does is not known from its method. */
function activityOf(method: unknown): Activity<'apiActivity'> {
  if (typeof method !== 'string' || method === '') return 'Unknown';
  return HTTP_ACTIVITIES.get(method) ?? (MCP_READS.test(method) ? 'Read' : { other: method });
}
