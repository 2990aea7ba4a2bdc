import type { Attributes, Meter } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { ObservedHistogram } from './bound-histograms.js';
import type { BoundHistogram, HistogramOptions } from './bound-histograms.js';
import { Series } from './series.js';

/** A counter for one combination of attributes. `add` only adds to a number: it allocates, hashes and locks nothing. */
export interface BoundCounter {
  add(amount?: number): void;
}

export interface Counter {
  /** A counter for these attributes, to keep. Attribute values come from closed sets, never from a caller's input. */
  bind(attributes?: Attributes): BoundCounter;
}

export interface Histogram {
  /** A histogram for these attributes, to keep; see `Counter`. */
  bind(attributes?: Attributes): BoundHistogram;
}

export interface GaugeReading {
  readonly value: number;
  readonly attributes?: Attributes;
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

export function createMetrics(): Metrics {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const serializer = new PrometheusSerializer('', false, undefined, true, true);
  const provider = new MeterProvider({ readers: [reader] });
  const meter = provider.getMeter('sallyport');
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, ObservedHistogram>();
  const since = Date.now();

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
    histogram(name, description, options) {
      const existing = histograms.get(name);
      if (existing) return existing;
      const histogram = new ObservedHistogram(name, description, options);
      histograms.set(name, histogram);
      return histogram;
    },
    async exposition() {
      const { resourceMetrics } = await reader.collect();
      const now = Date.now();
      const metrics = [...histograms.values()].map((histogram) => histogram.collect(since, now));
      const scopeMetrics = [...resourceMetrics.scopeMetrics, { scope: { name: 'sallyport' }, metrics }];
      return serializer.serialize({ ...resourceMetrics, scopeMetrics });
    },
    shutdown: () => provider.shutdown(),
  };
}

function observedCounter(meter: Meter, name: string, description: string): Counter {
  const series = new Series(() => ({ value: 0 }));
  meter.createObservableCounter(name, { description }).addCallback((result) => {
    const all = series.all();
    if (all.length === 0) result.observe(0); // so that it is known before it first counts
    for (const { value, attributes } of all) result.observe(value.value, attributes);
  });
  return {
    bind(attributes = {}) {
      const counted = series.of(attributes);
      return {
        add(amount = 1) {
          counted.value += amount;
        },
      };
    },
  };
}
