import { isDeepStrictEqual } from 'node:util';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { HttpReceiver, type GivenAnswer } from './http-receiver.js';
import { idOf, type TestReceiver } from './test-receiver.js';

export interface OtlpReceiver extends TestReceiver {
  readonly url: string;
}

/** The protocol's own definitions, of version 1.10. */
const DEFINITIONS = ['common', 'resource', 'logs', 'logs_service'].map((name) =>
  fileURLToPath(new URL(`./opentelemetry-proto/${name}.proto`, import.meta.url)),
);

interface ReceivedRecord {
  readonly eventName: string;
  readonly attributes: readonly { key: string; value: { stringValue: string } }[];
  readonly body: AnyValue;
}
interface AnyValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly arrayValue?: { values?: AnyValue[] };
  readonly kvlistValue?: { values?: { key: string; value: AnyValue }[] };
}

/**
 * Takes logs by OTLP/HTTP in JSON: what has a member that the definitions do not know, or one of another type, is
 * refused with 400 as a collector does. A poisoned record is rejected alone (ExportLogsPartialSuccess).
 */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const request = exportRequest();
  const kept: string[] = [];
  const poison = new Set<string>();
  const http = new HttpReceiver(({ path, headers, body }): GivenAnswer => {
    if (path !== '/v1/logs' || headers['content-type'] !== 'application/json') return { status: 404 };
    const asked: unknown = JSON.parse(body.toString());
    if (!isDefined(request, asked)) return { status: 400, body: 'not an ExportLogsServiceRequest' };
    const { resourceLogs } = asked as {
      resourceLogs: { scopeLogs: { logRecords: ReceivedRecord[] }[] }[];
    };
    const records = resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords));
    const events = records.map((record) => plain(record.body) as object);
    const taken = events.filter((event) => !poison.has(idOf(event)));
    kept.push(...taken.map((event) => JSON.stringify(event)));
    const rejected = events.length - taken.length;
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(
        rejected === 0 ? {} : { partialSuccess: { rejectedLogRecords: String(rejected), errorMessage: 'not these' } },
      ),
    };
  });
  await http.start();
  return { http, kept: () => Promise.resolve(kept), poison, url: `${http.origin}/v1/logs`, stop: () => http.stop() };
}

/** ExportLogsServiceRequest, its parts beside it: the files import each other by paths that they do not have here. */
function exportRequest(): protobuf.Type {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) =>
    DEFINITIONS.find((file) => file.endsWith(`/${target.split('/').at(-1) ?? ''}`)) ?? null;
  root.loadSync(DEFINITIONS);
  return root.lookupType('opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest');
}

/** Whether a JSON text becomes the same again when the definitions wrote it: whatever they do not know is lost. */
function isDefined(type: protobuf.Type, asked: unknown): boolean {
  const message = type.fromObject(asked as Record<string, unknown>);
  const encoded = type.encode(message).finish();
  const again = type.toObject(type.decode(encoded), { longs: String, bytes: String, enums: Number });
  return isDeepStrictEqual(again, asked);
}

function plain(value: AnyValue): unknown {
  if (value.kvlistValue)
    return Object.fromEntries((value.kvlistValue.values ?? []).map((one) => [one.key, plain(one.value)]));
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(plain);
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? null;
}
