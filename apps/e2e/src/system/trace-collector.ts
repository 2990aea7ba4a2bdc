import { createServer } from 'node:http';
import { eventually } from '@sallyport/testing';
import { z } from 'zod';

const Value = z.object({
  stringValue: z.string().optional(),
  intValue: z.union([z.number(), z.string()]).optional(),
  boolValue: z.boolean().optional(),
  arrayValue: z.object({ values: z.array(z.object({ stringValue: z.string() })) }).optional(),
});
const Attributes = z.array(z.object({ key: z.string(), value: Value })).default([]);
const Export = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: Attributes }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              traceId: z.string().regex(/^[0-9a-f]{32}$/),
              spanId: z.string().regex(/^[0-9a-f]{16}$/),
              parentSpanId: z.string().optional(),
              name: z.string(),
              kind: z.int(),
              attributes: Attributes,
              links: z.array(z.object({ traceId: z.string(), spanId: z.string() })).default([]),
              status: z.object({ code: z.int().default(0) }).default({ code: 0 }),
            }),
          ),
        }),
      ),
    }),
  ),
});

export interface SeenSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client';
  readonly traceId: string;
  readonly spanId: string;
  /** Empty of one that has none. */
  readonly parent: string;
  readonly links: readonly string[];
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface TraceCollector {
  /** What a process is started with to send its spans here. */
  readonly env: Readonly<Record<string, string>>;
  /** The spans of one trace, once there are those of these names. @throws with what is there instead */
  trace(traceId: string, names: readonly string[]): Promise<readonly SeenSpan[]>;
  /** All that came so far. */
  spans(): readonly SeenSpan[];
  close(): Promise<void>;
}

/** A collector of OTLP over HTTP in JSON, in the test's process. */
export async function startTraceCollector(): Promise<TraceCollector> {
  const seen: SeenSpan[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v1/traces') seen.push(...spansIn(JSON.parse(Buffer.concat(chunks).toString('utf8'))));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    },
    spans: () => seen,
    trace: (traceId, names) =>
      eventually(
        async () => {
          const spans = seen.filter((span) => span.traceId === traceId);
          const missing = names.filter((name) => !spans.some((span) => span.name === name));
          if (missing.length > 0)
            throw new Error(`no span ${missing.join(', ')} among ${spans.map(({ name }) => name).join(', ')}`);
          return spans;
        },
        { timeoutMs: 30_000 },
      ),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const KINDS = { 1: 'internal', 2: 'server', 3: 'client' } as const;

/** The spans in a request to export traces, in JSON. */
export function spansIn(body: unknown): SeenSpan[] {
  return Export.parse(body).resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(read(resource.attributes)['service.name']);
    return scopeSpans.flatMap(({ spans }) =>
      spans.map(({ traceId, spanId, parentSpanId = '', name, kind, attributes, links, status }) => ({
        service,
        name,
        kind: KINDS[kind as 1 | 2 | 3],
        traceId,
        spanId,
        parent: parentSpanId,
        links: links.map((link) => link.spanId),
        failed: status.code === 2,
        attributes: read(attributes),
      })),
    );
  });
}

const read = (attributes: z.infer<typeof Attributes>): Record<string, unknown> =>
  Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue, boolValue, arrayValue } }) => [
      key,
      stringValue ??
        (intValue === undefined ? undefined : Number(intValue)) ??
        boolValue ??
        arrayValue?.values.map((one) => one.stringValue),
    ]),
  );
