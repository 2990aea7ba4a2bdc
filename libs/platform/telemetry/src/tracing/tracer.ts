import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import type { Attributes, Context, Span as ApiSpan, SpanContext, Tracer as ApiTracer } from '@opentelemetry/api';
import { SallyportError } from '@sallyport/kernel';

/** What a span tells; a member that is undefined is left out. Never a secret, an argument or a user's id. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface SpanStart {
  /** Of few values: a method and a name from the configuration, never a URI. */
  readonly name: string;
  readonly kind: 'server' | 'client' | 'internal';
  readonly attributes?: SpanAttributes;
  /** A `traceparent` as it arrived; what is none counts as absent. Without one the current span is the parent. */
  readonly parent?: string | undefined;
  /** The `traceparent` of something that belongs to it and is no parent. */
  readonly link?: string | undefined;
}

/** One span, begun. */
export interface Span {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** What whoever is asked next is told, so that its spans are children of this one (W3C Trace Context, level 1). */
  readonly traceparent: string;
  /** Runs `work` with this span as the current one, also in what it awaits. */
  run<T>(work: () => T): T;
  set(attributes: SpanAttributes): void;
  /** @param errorType `error.type`: an error's code, or another word of few values */
  fail(errorType: string): void;
  end(): void;
}

/** Makes spans. Where tracing is off there is none of these, and whoever would use it does nothing. */
export interface Tracer {
  start(start: SpanStart): Span;
  /** Whether there is a current span: what nobody asked for begins no trace. */
  isInSpan(): boolean;
}

/** @returns undefined while nobody registered an OpenTelemetry SDK in this process (`startTracing`) */
export function createTracer(name: string): Tracer | undefined {
  const tracer = trace.getTracer(`sallyport.${name}`);
  // Without an SDK the API makes spans without an identity.
  const isOn = trace.isSpanContextValid(tracer.startSpan('probe', {}, ROOT_CONTEXT).spanContext());
  if (!isOn) return undefined;
  return {
    start: (start) => startSpan(tracer, start),
    isInSpan: () => trace.getSpanContext(context.active()) !== undefined,
  };
}

/**
 * Runs `work` in a span of its own. What it throws is the span's `error.type`: our own code, else the error's class.
 * Without a tracer it only runs `work`.
 */
export async function inSpan<T>(
  tracer: Tracer | undefined,
  start: SpanStart,
  work: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  if (tracer === undefined) return await work(undefined);
  const span = tracer.start(start);
  try {
    return await span.run(() => work(span));
  } catch (error) {
    span.fail(errorTypeOf(error));
    throw error;
  } finally {
    span.end();
  }
}

/** Of few values: our own code, else the class of the error. */
export function errorTypeOf(error: unknown): string {
  if (error instanceof SallyportError) return error.code;
  return error instanceof Error ? error.name : 'unknown';
}

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

function startSpan(tracer: ApiTracer, { name, kind, attributes, parent, link }: SpanStart): Span {
  const [from, beside] = [contextIn(parent), contextIn(link)];
  const around = from === undefined ? context.active() : trace.setSpanContext(ROOT_CONTEXT, from);
  const links = beside === undefined || beside.spanId === from?.spanId ? [] : [{ context: beside }];
  const span = tracer.startSpan(
    name,
    { kind: KINDS[kind], links, ...(attributes && { attributes: present(attributes) }) },
    around,
  );
  return new TracedWork(span, trace.setSpan(around, span));
}

class TracedWork implements Span {
  readonly traceId: string;
  readonly traceparent: string;
  readonly #span: ApiSpan;
  readonly #context: Context;

  constructor(span: ApiSpan, inside: Context) {
    this.#span = span;
    this.#context = inside;
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceId = traceId;
    this.traceparent = `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01'}`;
  }

  run<T>(work: () => T): T {
    return context.with(this.#context, work);
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(present(attributes));
  }

  fail(errorType: string): void {
    this.#span.setAttribute('error.type', errorType).setStatus({ code: SpanStatusCode.ERROR });
  }

  end(): void {
    this.#span.end();
  }
}

const present = (attributes: SpanAttributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));

const TRACEPARENT = /^00-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})$/;

/** Of a `traceparent` of version 00; of its flags, whether it is sampled. Nothing else of a caller's context counts. */
function contextIn(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] = (traceparent === undefined ? null : TRACEPARENT.exec(traceparent)) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true };
}
