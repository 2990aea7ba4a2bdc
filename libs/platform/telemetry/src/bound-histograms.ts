import type { Attributes } from '@opentelemetry/api';
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
import type { HistogramMetricData } from '@opentelemetry/sdk-metrics';
import { Series } from './series.js';

/** A histogram for one combination of attributes. `record` adds to numbers: it allocates, hashes and locks nothing. */
export interface BoundHistogram {
  /** @param value in the histogram's unit */
  record(value: number): void;
}

export interface HistogramOptions {
  readonly unit: string;
  /** Upper bounds of the buckets, ascending. */
  readonly buckets: readonly number[];
}

class Recorded implements BoundHistogram {
  readonly counts: number[];
  readonly #buckets: readonly number[];
  sum = 0;
  count = 0;

  constructor(buckets: readonly number[]) {
    this.#buckets = buckets;
    this.counts = Array.from({ length: buckets.length + 1 }, () => 0);
  }

  record(value: number): void {
    const buckets = this.#buckets;
    let at = 0;
    while (at < buckets.length && value > (buckets[at] ?? 0)) at++;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sum += value;
    this.count++;
  }
}

/** A histogram whose series are bound before they are recorded to: the SDK's own hashes its attributes each time. */
export class ObservedHistogram {
  readonly #name: string;
  readonly #description: string;
  readonly #options: HistogramOptions;
  readonly #series: Series<Recorded>;

  constructor(name: string, description: string, options: HistogramOptions) {
    this.#name = name;
    this.#description = description;
    this.#options = options;
    this.#series = new Series(() => new Recorded(options.buckets));
  }

  bind(attributes: Attributes = {}): BoundHistogram {
    return this.#series.of(attributes);
  }

  /** What was recorded since `since`, as the SDK has it. Times in milliseconds since the epoch. */
  collect(since: number, now: number): HistogramMetricData {
    const [startTime, endTime] = [hrTime(since), hrTime(now)];
    return {
      descriptor: { name: this.#name, description: this.#description, unit: this.#options.unit, valueType: 1 },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: this.#series.all().map(({ attributes, value: { counts, sum, count } }) => ({
        attributes,
        startTime,
        endTime,
        value: { buckets: { boundaries: [...this.#options.buckets], counts: [...counts] }, sum, count },
      })),
    };
  }
}

const hrTime = (milliseconds: number): [number, number] => [
  Math.floor(milliseconds / 1000),
  (milliseconds % 1000) * 1e6,
];
