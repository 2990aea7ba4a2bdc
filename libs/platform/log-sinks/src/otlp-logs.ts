import type { Severity, SinkRecord } from './log-sink.js';

export interface OtlpResource {
  /** `service.name` */
  readonly serviceName: string;
  readonly serviceVersion: string;
  /** `host.name`: the host of the deployment's public address. */
  readonly hostName: string;
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** An AnyValue of OTLP's JSON, in which whole numbers are texts. */
export type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly arrayValue: { readonly values: readonly AnyValue[] } }
  | { readonly kvlistValue: { readonly values: readonly KeyValue[] } }
  | Record<string, never>;
interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

/** Logs data model, SeverityNumber. */
const SEVERITIES: Readonly<Record<Severity, number>> = { info: 9, warning: 13, error: 17 };

/**
 * LogsData of OTLP in its JSON: ids are hexadecimal, times are texts of nanoseconds. `log.record.uid` is the event's
 * id, the same however often the event is sent; the body is the event itself, member by member.
 */
export function logsData(batch: readonly SinkRecord[], resource: OtlpResource): object {
  const { serviceName, serviceVersion, hostName } = resource;
  const attributes = { 'service.name': serviceName, 'service.version': serviceVersion, 'host.name': hostName };
  return {
    resourceLogs: [
      {
        resource: { attributes: keyValues(attributes) },
        scopeLogs: [{ scope: { name: 'sallyport.trail' }, logRecords: batch.map(logRecord) }],
      },
    ],
  };
}

function logRecord({ id, at, type, severity, body }: SinkRecord): object {
  const event = JSON.parse(body) as { readonly [name: string]: Json };
  return {
    timeUnixNano: `${at}000000`,
    observedTimeUnixNano: `${at}000000`,
    severityNumber: SEVERITIES[severity],
    severityText: severity.toUpperCase(),
    eventName: type,
    body: anyValue(event),
    attributes: keyValues({ 'log.record.uid': id }),
    ...traceOf(event),
  };
}

/** The trace the event belongs to, so that a backend shows both together. */
function traceOf({ traceId }: { readonly [name: string]: Json }): object {
  return typeof traceId === 'string' && /^(?!0{32})[0-9a-f]{32}$/.test(traceId) ? { traceId } : {};
}

function anyValue(value: Json): AnyValue {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (value === null) return {};
  if (isList(value)) return { arrayValue: { values: value.map(anyValue) } };
  return { kvlistValue: { values: keyValues(value) } };
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

const keyValues = (members: { readonly [name: string]: Json }): KeyValue[] =>
  Object.entries(members).map(([key, value]) => ({ key, value: anyValue(value) }));
