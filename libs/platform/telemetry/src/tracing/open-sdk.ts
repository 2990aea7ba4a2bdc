import { context, diag, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Sampler, SpanExporter } from '@opentelemetry/sdk-trace';

type Environment = Readonly<Record<string, string | undefined>>;

export interface SdkOptions {
  /** What the process is called; `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` have the last word. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly env: Environment;
  /** What the SDK complains of. */
  readonly tell: (message: string, ...rest: unknown[]) => void;
}

/** Characters of one value: agents and servers make names up. */
const MAX_VALUE_LENGTH = 512;

/**
 * Registers the OpenTelemetry SDK for traces as its standard variables say. It is in a module of its own, with all that
 * it stands on: it takes a while to load, and a process without traces never does.
 * @returns what sends the spans that wait, and stops
 */
export function openSdk({ attributes, env, tell }: SdkOptions): () => Promise<void> {
  const silent = () => undefined;
  const logger = { error: tell, warn: tell, info: silent, debug: silent, verbose: silent };
  diag.setLogger(logger, { suppressOverrideMessage: true });
  const sampler = samplerOf(env, tell);
  const provider = new TracerProvider({
    // Other detectors tell who runs the process, and with what arguments.
    resource: resourceFromAttributes(attributes).merge(detectResources({ detectors: [envDetector] })),
    ...(sampler && { sampler }),
    spanLimits: { attributeValueLengthLimit: MAX_VALUE_LENGTH },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: exporterOf(env, tell),
        ...numberOf(env, 'OTEL_BSP_SCHEDULE_DELAY', 'scheduledDelayMillis'),
        ...numberOf(env, 'OTEL_BSP_EXPORT_TIMEOUT', 'exportTimeoutMillis'),
        ...numberOf(env, 'OTEL_BSP_MAX_QUEUE_SIZE', 'maxQueueSize'),
        ...numberOf(env, 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 'maxExportBatchSize'),
      }),
    ],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  return () => provider.shutdown();
}

/** The exporters read where to send, and with which headers, themselves. */
function exporterOf(env: Environment, tell: SdkOptions['tell']): SpanExporter {
  const name = env['OTEL_TRACES_EXPORTER'] ?? 'otlp';
  if (name === 'console') return new ConsoleSpanExporter();
  if (name !== 'otlp') tell(`OTEL_TRACES_EXPORTER: there is no exporter ${name} here; it is otlp or console`);
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? env['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? 'http/protobuf';
  if (protocol === 'http/json') return new JsonExporter();
  if (protocol !== 'http/protobuf')
    tell(`OTEL_EXPORTER_OTLP_PROTOCOL: ${protocol} is not spoken here; it is http/protobuf or http/json`);
  return new ProtobufExporter();
}

/** @returns undefined where nothing is said: then everything is sampled that its parent does not leave out */
function samplerOf(env: Environment, tell: SdkOptions['tell']): Sampler | undefined {
  const ratio = Number(env['OTEL_TRACES_SAMPLER_ARG'] ?? 1);
  const root = (name: string): Sampler | undefined => {
    switch (name) {
      case 'always_on':
        return new AlwaysOnSampler();
      case 'always_off':
        return new AlwaysOffSampler();
      case 'traceidratio':
        if (!(ratio >= 0 && ratio <= 1)) tell('OTEL_TRACES_SAMPLER_ARG: a number from 0 to 1 is wanted');
        return new TraceIdRatioBasedSampler(ratio);
      default:
        return undefined;
    }
  };
  const name = env['OTEL_TRACES_SAMPLER'];
  if (name === undefined || name === '') return undefined;
  const [, parentBased = ''] = /^parentbased_(.+)$/.exec(name) ?? [];
  const chosen = root(parentBased === '' ? name : parentBased);
  if (chosen === undefined) tell(`OTEL_TRACES_SAMPLER: there is no sampler ${name}`);
  return chosen && parentBased !== '' ? new ParentBasedSampler({ root: chosen }) : chosen;
}

function numberOf<K extends string>(env: Environment, variable: string, option: K): Partial<Record<K, number>> {
  const value = Number(env[variable]);
  return env[variable] !== undefined && Number.isInteger(value) && value >= 0
    ? ({ [option]: value } as Partial<Record<K, number>>)
    : {};
}
