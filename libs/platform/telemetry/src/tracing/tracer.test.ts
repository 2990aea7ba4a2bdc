import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { SallyportError } from '@sallyport/kernel';
import { afterEach, expect, test, vi } from 'vitest';
import { createLogger } from '../create-logger.js';
import { startTracing, wantsTraces } from './start-tracing.js';
import { traceFetch } from './trace-fetch.js';
import { createTracer, inSpan } from './tracer.js';
import type { Tracer } from './tracer.js';

afterEach(() => {
  trace.disable();
  context.disable();
});

function tracing() {
  const exporter = new InMemorySpanExporter();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
  const spans = () =>
    exporter.getFinishedSpans().map((span) => ({
      name: span.name,
      id: span.spanContext().spanId,
      traceId: span.spanContext().traceId,
      parent: span.parentSpanContext?.spanId,
      links: span.links.map((link) => link.context.spanId),
      attributes: span.attributes,
      failed: span.status.code === 2,
    }));
  return { tracer: createTracer('test') as Tracer, spans };
}

const CALLER = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const HTTP = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;

test('without an SDK there is no tracer, and work is only done', async () => {
  expect(createTracer('test')).toBeUndefined();
  expect(await inSpan(undefined, { name: 'work', kind: 'internal' }, async (span) => span)).toBeUndefined();
  const fetch = vi.fn<typeof globalThis.fetch>();
  expect(traceFetch(fetch, undefined)).toBe(fetch);
});

test('a span is a child of the context that arrived, and the other one is a link', () => {
  const { tracer, spans } = tracing();
  const span = tracer.start({ name: 'call', kind: 'server', parent: CALLER, link: HTTP });
  span.end();
  expect(spans()).toMatchObject([{ traceId: 'a'.repeat(32), parent: 'b'.repeat(16), links: ['d'.repeat(16)] }]);
  expect(span.traceparent).toBe(`00-${'a'.repeat(32)}-${spans()[0]?.id}-01`);
});

test.each([
  ['no traceparent', 'hello'],
  ['a trace of zeros', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`],
  ['a span of zeros', `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01`],
  ['another version', `01-${'a'.repeat(32)}-${'b'.repeat(16)}-01`],
  ['more than there is', `${CALLER}-x`],
])('what arrives and is %s begins a trace of its own', (_what, parent) => {
  const { tracer, spans } = tracing();
  tracer.start({ name: 'call', kind: 'server', parent, link: parent }).end();
  expect(spans()).toMatchObject([{ parent: undefined, links: [] }]);
});

test('a caller that does not sample is not sampled, and its context still travels', () => {
  const { tracer, spans } = tracing();
  const span = tracer.start({ name: 'call', kind: 'server', parent: CALLER.replace(/01$/, '00') });
  span.end();
  expect(spans()).toEqual([]);
  expect(span.traceparent).toMatch(new RegExp(`^00-a{32}-[0-9a-f]{16}-00$`));
});

test('what is begun inside is a child, also after an await; lines of the log say so', async () => {
  const { tracer, spans } = tracing();
  const lines: string[] = [];
  const logger = createLogger({ name: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } });
  await inSpan(tracer, { name: 'outer', kind: 'server' }, async () => {
    await Promise.resolve();
    logger.info('inside');
    await inSpan(tracer, { name: 'inner', kind: 'internal' }, async () => undefined);
  });
  logger.info('outside');
  const [inner, outer] = spans();
  expect(inner?.parent).toBe(outer?.id);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ msg: 'inside', traceId: outer?.traceId, spanId: outer?.id });
  expect(JSON.parse(lines[1] ?? '')).not.toHaveProperty('traceId');
});

test('what work throws is told by its code or its class, never by its message', async () => {
  const { tracer, spans } = tracing();
  const failing = (error: Error) =>
    inSpan(tracer, { name: 'work', kind: 'internal' }, async () => {
      throw error;
    });
  await expect(failing(new SallyportError('lease_mismatch', 'secret words'))).rejects.toThrow('secret words');
  await expect(failing(new TypeError('secret words'))).rejects.toThrow('secret words');
  expect(spans().map(({ attributes, failed }) => [attributes['error.type'], failed])).toEqual([
    ['lease_mismatch', true],
    ['TypeError', true],
  ]);
  expect(JSON.stringify(spans())).not.toContain('secret words');
});

test('a fetch in a span is a span without its path; one in the background is none', async () => {
  const { tracer, spans } = tracing();
  const fetch = traceFetch<typeof globalThis.fetch>(async () => new Response('', { status: 503 }), tracer);
  await fetch('https://idp.example/token?code=secret', { method: 'post' });
  expect(spans()).toEqual([]);
  await inSpan(tracer, { name: 'outer', kind: 'server' }, () => fetch('https://idp.example/token?code=secret'));
  const [asked] = spans();
  expect(asked).toMatchObject({
    name: 'GET',
    failed: true,
    attributes: {
      'http.request.method': 'GET',
      'server.address': 'idp.example',
      'server.port': 443,
      'http.response.status_code': 503,
      'error.type': '503',
    },
  });
  expect(JSON.stringify(asked)).not.toContain('secret');
});

test.each([
  [{}, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, true],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_TRACES_EXPORTER: 'none' }, false],
  [{ OTEL_TRACES_EXPORTER: 'otlp' }, true],
  [{ OTEL_TRACES_EXPORTER: 'otlp', OTEL_SDK_DISABLED: 'true' }, false],
])('%j asks for traces: %j', (env, expected) => {
  expect(wantsTraces(env)).toBe(expected);
});

test('an SDK that was registered before is left alone', () => {
  tracing();
  const env = { OTEL_TRACES_EXPORTER: 'otlp' };
  expect(startTracing({ name: 'test', version: '0', env, say: () => undefined })).toBeUndefined();
});
