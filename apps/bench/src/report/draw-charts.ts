import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CurvePoint } from '../run-curve.js';
import { lineChart, type Line } from './line-chart.js';

const COLORS: Readonly<Record<string, string>> = {
  bare: '#888888',
  nginx: '#2a7f3f',
  standalone: '#c26a00',
  distributed: '#1f5fbf',
};

/** Throughput and latency against the number of connections, as SVG files in a folder. */
export function drawCharts(folder: string, points: readonly CurvePoint[]): void {
  mkdirSync(folder, { recursive: true });
  const subjects = [...new Set(points.map(({ subject }) => subject))];
  const lineOf = (subject: string, name: string, read: (point: CurvePoint) => number, isDashed = false): Line => ({
    name,
    color: COLORS[subject] ?? '#000000',
    isDashed,
    points: points.filter((point) => point.subject === subject).map((point) => [point.connections, read(point)]),
  });
  const xLabel = 'connections, each of which sends its next call when the last is answered';
  const throughput = lineChart({
    title: 'hot-modern: throughput against load',
    xLabel,
    yLabel: 'calls a second',
    lines: subjects.map((subject) => lineOf(subject, subject, ({ requestsPerSecond }) => requestsPerSecond)),
  });
  const latency = lineChart({
    title: 'hot-modern: latency against load',
    xLabel,
    yLabel: 'milliseconds',
    lines: subjects.flatMap((subject) => [
      lineOf(subject, `${subject}, p50`, ({ p50 }) => p50),
      lineOf(subject, `${subject}, p99`, ({ p99 }) => p99, true),
    ]),
  });
  writeFileSync(join(folder, 'throughput.svg'), throughput);
  writeFileSync(join(folder, 'latency.svg'), latency);
}
