import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, freePorts } from '@sallyport/testing';
import { z } from 'zod';
import { spansIn, type SeenSpan } from '../../../system/trace-collector.js';
import { PeerServer } from '../peer-program.js';
import { expectAll, expectInOrder, type Kept } from './expect-all.js';
import type { AgentTrace, Deployment, Receiver } from './receiver.js';

export const COLLECTOR = 'collector';
const TOKENS = { OTLP_TOKEN: 'otlp-token', HEC_TOKEN: '6f3d2a52-8d4c-4f0e-9a0e-2f3f5f9a7c11' };
const HEC_SOURCE = 'sallyport-hec';

/**
 * The OpenTelemetry Collector twice: the one that our processes send to keeps nothing and hands on to the other, which
 * writes files.
 */
export async function startCollector(folder: string): Promise<Receiver> {
  const [storePort = 0, frontPort = 0, hecPort = 0] = await freePorts(3);
  const store = new PeerServer({ program: COLLECTOR, mode: 'store', port: storePort, env: { FOLDER: folder } });
  const env = { ...TOKENS, HEC_PORT: String(hecPort), STORE: `http://127.0.0.1:${storePort}` };
  const front = new PeerServer({ program: COLLECTOR, mode: 'front', port: frontPort, env });
  await Promise.all([store.start(), front.start()]);
  const read = (file: string): unknown[] => linesOf(join(folder, file)).map((line) => JSON.parse(line) as unknown);
  const kept = (isOf: (record: LogRecord) => boolean) => (): Kept[] =>
    read('logs.json').flatMap(logRecordsIn).filter(isOf).map(keptOf);
  const [native, ocsf, hec] = [kept(isNative), kept(isOcsf), kept(isHec)];
  const spans = () => read('traces.json').flatMap(spansIn);
  return {
    name: 'OpenTelemetry Collector',
    documents: streamsTo(`http://127.0.0.1:${frontPort}/v1/logs`, `http://127.0.0.1:${hecPort}`),
    ports: [frontPort, hecPort],
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${frontPort}`,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${TOKENS.OTLP_TOKEN}`,
      OTEL_BSP_SCHEDULE_DELAY: '100',
    },
    checks: [
      { what: 'one trace of a call in both revisions', run: (deployment) => tracesCalls(deployment, spans) },
      { what: 'OTLP logs', run: async ({ trail }) => expectInOrder(await trail(), native) },
      { what: 'OTLP logs in OCSF', run: async ({ trail }) => void (await expectAll(await trail(), ocsf)) },
      { what: 'HEC with acknowledgement', run: async ({ trail }) => expectInOrder(await trail(), hec) },
      { what: 'wrong keys', run: refusesWrongKeys },
      {
        what: 'a store that is away and comes back',
        async run(deployment) {
          await expectInOrder(await deployment.trail(), native);
          await store.kill();
          await deployment.call();
          // The collector's OTLP receiver says that it is away, its HEC receiver that something went wrong.
          for (const [stream, said] of Object.entries({ otlp: 'HTTP 503', ocsf: 'HTTP 503', hec: 'HTTP 500' }))
            await eventually(async () => (await deployment.lastError(stream))?.startsWith(said), {
              timeoutMs: 30_000,
              intervalMs: 200,
              until: `${stream} is told ${said}`,
            });
          await store.start();
          const trail = await deployment.trail();
          await Promise.all([expectInOrder(trail, native), expectAll(trail, ocsf), expectInOrder(trail, hec)]);
        },
      },
    ],
    stop: async () => void (await Promise.all([front.kill(), store.kill()])),
  };
}

function streamsTo(url: string, hecUrl: string): object[] {
  const stream = (name: string, sink: object, shape: object = {}) => ({
    kind: 'LogStream',
    name,
    spec: { start: 'beginning', ...shape, sink },
  });
  const otlp = (token: string) => ({
    otlp: { url, credential: { header: 'authorization', secret: { env: token } } },
  });
  const splunkHec = (token: string) => ({
    splunkHec: { url: hecUrl, token: { env: token }, acknowledgement: true, source: HEC_SOURCE },
  });
  // Nothing happens of this type: these are there to be tested.
  const idle = { filter: { types: ['none.such'] } };
  return [
    stream('otlp', otlp('OTLP_AUTHORIZATION')),
    stream('ocsf', otlp('OTLP_AUTHORIZATION'), { shape: { ocsf: '1.8.0' } }),
    stream('hec', splunkHec('HEC_TOKEN')),
    stream('otlp-wrong', otlp('WRONG_TOKEN'), idle),
    stream('hec-wrong', splunkHec('WRONG_TOKEN'), idle),
  ];
}

/** What the documents name in the environment. */
export const COLLECTOR_SECRETS = {
  OTLP_AUTHORIZATION: `Bearer ${TOKENS.OTLP_TOKEN}`,
  HEC_TOKEN: TOKENS.HEC_TOKEN,
  WRONG_TOKEN: 'Bearer wrong',
};

async function refusesWrongKeys({ test }: Deployment): Promise<void> {
  for (const stream of ['otlp', 'ocsf', 'hec']) assert.equal((await test(stream)).isTaken, true, stream);
  for (const stream of ['otlp-wrong', 'hec-wrong']) {
    const { isTaken, said } = await test(stream);
    assert.deepEqual([isTaken, said.slice(0, 8)], [false, 'HTTP 401'], stream);
  }
}

const AnyValue = z.record(z.string(), z.unknown());
const Attributes = z.array(z.object({ key: z.string(), value: AnyValue })).default([]);
const LogRecord = z.object({
  body: AnyValue,
  attributes: Attributes,
});
interface LogRecord {
  readonly event: Readonly<Record<string, unknown>>;
  /** With those of its resource. */
  readonly attributes: ReadonlyMap<string, unknown>;
}
const LogsData = z.object({
  resourceLogs: z.array(
    z.object({
      resource: z.object({ attributes: Attributes }),
      scopeLogs: z.array(z.object({ logRecords: z.array(LogRecord) })),
    }),
  ),
});

const logRecordsIn = (line: unknown): LogRecord[] =>
  LogsData.parse(line).resourceLogs.flatMap(({ resource, scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map(({ body, attributes }) => ({
        event: plain(body) as LogRecord['event'],
        attributes: new Map([...resource.attributes, ...attributes].map(({ key, value }) => [key, plain(value)])),
      })),
    ),
  );
const isHec = ({ attributes }: LogRecord) => attributes.get('com.splunk.source') === HEC_SOURCE;
const isOcsf = (record: LogRecord) => !isHec(record) && 'class_uid' in record.event;
const isNative = (record: LogRecord) => !isHec(record) && !isOcsf(record);
const keptOf = ({ event, attributes }: LogRecord): Kept => ({
  id: String(attributes.get('log.record.uid') ?? event['id']),
  event,
});

/** The value that an AnyValue of OTLP's JSON stands for. */
function plain(value: Readonly<Record<string, unknown>>): unknown {
  const { arrayValue, kvlistValue, intValue } = value as {
    arrayValue?: { values?: Record<string, unknown>[] };
    kvlistValue?: { values?: { key: string; value: Record<string, unknown> }[] };
    intValue?: string;
  };
  if (kvlistValue) return Object.fromEntries((kvlistValue.values ?? []).map((one) => [one.key, plain(one.value)]));
  if (arrayValue) return (arrayValue.values ?? []).map(plain);
  if (intValue !== undefined) return Number(intValue);
  return value['stringValue'] ?? value['boolValue'] ?? value['doubleValue'] ?? null;
}

const CALL = 'tools/call whoami__whoami';
const SENT = 'tools/call whoami';
const ASKED = 'request sallyport.v1.lease.request';
const LEASED = 'answer sallyport.v1.lease.request';

/** From the agent over gateway and control plane to the server. The first call of an agent takes a lease. */
async function tracesCalls({ call, system }: Deployment, spans: () => readonly SeenSpan[]): Promise<void> {
  for (const trace of await call()) {
    const sent = await eventually(() => sentSpanOf(trace, spans()), { timeoutMs: 30_000, intervalMs: 200 });
    const told = system.downstream.traceparentsAt(system.demo.urls.whoami);
    assert.ok(told.includes(`00-${trace.traceId}-${sent.spanId}-01`), 'the server was told of another span');
  }
}

/** The span that the server is told of, of a tree that is whole. @throws with what is wrong with it */
function sentSpanOf({ revision, traceId, spanId }: AgentTrace, all: readonly SeenSpan[]): SeenSpan {
  const spans = all.filter((span) => span.traceId === traceId);
  const named = (name: string) =>
    spans.find((span) => span.name === name) ??
    assert.fail(`${revision}: no span ${name} among ${spans.map((span) => span.name).join(', ')}`);
  const [called, sent] = [named(CALL), named(SENT)];
  const short = ({ service, kind, parent }: SeenSpan) => ({ service, kind, parent });
  assert.deepEqual(short(called), { service: 'sallyport-gateway', kind: 'server', parent: spanId });
  assert.deepEqual(short(sent), { service: 'sallyport-gateway', kind: 'client', parent: called.spanId });
  const asked = named(ASKED);
  assert.deepEqual(short(asked), { service: 'sallyport-gateway', kind: 'client', parent: called.spanId });
  assert.deepEqual(short(named(LEASED)), { service: 'sallyport-control-plane', kind: 'server', parent: asked.spanId });
  const { attributes } = called;
  assert.deepEqual(
    [
      attributes['mcp.method.name'],
      attributes['mcp.protocol.version'],
      attributes['gen_ai.operation.name'],
      attributes['gen_ai.tool.name'],
      attributes['sallyport.server'],
      attributes['sallyport.decision'],
      'mcp.session.id' in attributes,
    ],
    ['tools/call', revision, 'execute_tool', 'whoami__whoami', 'whoami', 'allow', revision === '2025-11-25'],
  );
  return sent;
}

const linesOf = (file: string): string[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .slice(0, -1)
        .filter((line) => line !== '')
    : [];
