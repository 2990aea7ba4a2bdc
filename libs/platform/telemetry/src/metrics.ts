import type { Attributes, Meter } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

/** A counter for one combination of attributes. `add` only adds to a number: it allocates, hashes and locks nothing. */
export interface BoundCounter {
  add(amount?: number): void;
}

export interface Counter {
  /** A counter for these attributes, to keep. Attribute values come from closed sets, never from a caller's input. */
  bind(attributes?: Attributes): BoundCounter;
}

export interface Histogram {
  /** @param value in the histogram's unit */
  record(value: number, attributes?: Attributes): void;
}

export interface GaugeReading {
  readonly value: number;
  readonly attributes?: Attributes;
}

export interface HistogramOptions {
  readonly unit: string;
  /** Upper bounds of the buckets, ascending. */
  readonly buckets: readonly number[];
}

/** The metrics of a process. Names are OpenTelemetry's (`sallyport.gateway.calls`); the exposition translates them. */
export interface Metrics {
  counter(name: string, description: string): Counter;
  /** Calls `read` at each scrape. */
  gauge(name: string, description: string, read: () => number | readonly GaugeReading[]): void;
  histogram(name: string, description: string, options: HistogramOptions): Histogram;
  /** For instruments this interface does not have. */
  readonly meter: Meter;
  /** Prometheus text format 0.0.4. */
  exposition(): Promise<string>;
  shutdown(): Promise<void>;
}

/** Beyond this many combinations of attributes, the rest is counted together, so that memory stays bounded. */
const MAX_SERIES = 1_000;

export function createMetrics(): Metrics {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const serializer = new PrometheusSerializer('', false, undefined, true, true);
  const provider = new MeterProvider({ readers: [reader] });
  const meter = provider.getMeter('sallyport');
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();

  return {
    meter,
    counter(name, description) {
      const existing = counters.get(name);
      if (existing) return existing;
      const counter = observedCounter(meter, name, description);
      counters.set(name, counter);
      return counter;
    },
    gauge(name, description, read) {
      meter.createObservableGauge(name, { description }).addCallback((result) => {
        const reading = read();
        if (typeof reading === 'number') result.observe(reading);
        else for (const { value, attributes } of reading) result.observe(value, attributes);
      });
    },
    histogram(name, description, { unit, buckets }) {
      const existing = histograms.get(name);
      if (existing) return existing;
      const histogram = meter.createHistogram(name, {
        description,
        unit,
        advice: { explicitBucketBoundaries: [...buckets] },
      });
      histograms.set(name, histogram);
      return histogram;
    },
    async exposition() {
      const { resourceMetrics } = await reader.collect();
      return serializer.serialize(resourceMetrics);
    },
    shutdown: () => provider.shutdown(),
  };
}

interface Series {
  readonly attributes: Attributes;
  value: number;
}

function observedCounter(meter: Meter, name: string, description: string): Counter {
  const bySignature = new Map<string, Series>();
  meter.createObservableCounter(name, { description }).addCallback((result) => {
    for (const { value, attributes } of bySignature.values()) result.observe(value, attributes);
  });
  const seriesFor = (attributes: Attributes): Series => {
    const signature = JSON.stringify(Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const existing = bySignature.get(signature);
    if (existing) return existing;
    if (bySignature.size >= MAX_SERIES && attributes['overflow'] !== true) return seriesFor({ overflow: true });
    const series = { attributes: { ...attributes }, value: 0 };
    bySignature.set(signature, series);
    return series;
  };
  return {
    bind(attributes = {}) {
      const series = seriesFor(attributes);
      return {
        add(amount = 1) {
          series.value += amount;
        },
      };
    },
  };
}
