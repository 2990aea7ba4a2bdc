import { createTracer } from './tracer.js';

type Environment = Readonly<Record<string, string | undefined>>;

export interface StartTracingOptions {
  /** The process or service, for `service.name` where `OTEL_SERVICE_NAME` says nothing. */
  readonly name: string;
  readonly version: string;
  readonly env: Environment;
  /** What the SDK has to say about itself, such as a collector that does not answer; a sentence for operators. */
  readonly say: (sentence: string) => void;
}

/** A collector that is down is said so once in this time. */
const SAID_AGAIN_MS = 60_000;
/** Characters of what the SDK says. */
const MOST_SAID = 512;

/**
 * Whether the standard variables ask for traces: an exporter, or where to send them. Nothing is on by default.
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function wantsTraces(env: Environment): boolean {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return false;
  const exporter = env['OTEL_TRACES_EXPORTER']?.trim();
  if (exporter !== undefined && exporter !== '') return exporter !== 'none';
  return [env['OTEL_EXPORTER_OTLP_ENDPOINT'], env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']].some(
    (endpoint) => endpoint !== undefined && endpoint.trim() !== '',
  );
}

/**
 * Starts the OpenTelemetry SDK for traces when the variables ask for it. The SDK is loaded only then. An SDK that
 * something else registered, with `node --import`, is left alone.
 * @returns what sends the spans that wait, and stops; undefined where nothing was started
 */
export function startTracing(options: StartTracingOptions): Promise<() => Promise<void>> | undefined {
  return wantsTraces(options.env) && createTracer('probe') === undefined ? startSdk(options) : undefined;
}

async function startSdk({ name, version, env, say }: StartTracingOptions): Promise<() => Promise<void>> {
  const { openSdk } = await import('./open-sdk.js');
  const replica = env['SALLYPORT_REPLICA'];
  const attributes = {
    'service.name': name === 'sallyport' ? name : `sallyport-${name}`,
    'service.namespace': 'sallyport',
    'service.version': version,
    ...(replica === undefined ? {} : { 'service.instance.id': replica }),
  };
  return openSdk({ attributes, env, tell: saidNowAndThen(say) });
}

function saidNowAndThen(say: (sentence: string) => void): (message: string, ...rest: unknown[]) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (message, ...rest) => {
    const now = performance.now();
    if (now - saidAt < SAID_AGAIN_MS) return;
    saidAt = now;
    say(`traces: ${[message, ...rest].map(sentenceOf).join(' ').slice(0, MOST_SAID)}`);
  };
}

const sentenceOf = (part: unknown): string => (part instanceof Error ? part.message : String(part));
