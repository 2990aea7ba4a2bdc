import { expect, test } from 'vitest';
import { lineChart, roundUp } from './line-chart.js';

test('an axis ends at a round number', () => {
  expect([0.3, 1, 1.2, 2, 37, 500, 501].map(roundUp)).toEqual([0.5, 1, 2, 2, 50, 500, 1000]);
});

test('x doubles from mark to mark, y begins at 0 and grows upward', () => {
  const points = [
    [1, 0],
    [2, 50],
    [4, 100],
  ] as const;
  const svg = lineChart({ title: 't', xLabel: 'x', yLabel: 'y', lines: [{ name: 'a', color: '#123456', points }] });
  const drawn = /<polyline [^>]*points="([^"]+)"/
    .exec(svg)?.[1]
    ?.split(' ')
    .map((pair) => pair.split(',').map(Number));
  const [[x1 = 0, y1 = 0] = [], [x2 = 0, y2 = 0] = [], [x3 = 0, y3 = 0] = []] = drawn ?? [];
  expect(x2 - x1).toBeCloseTo(x3 - x2);
  expect(y1 - y2).toBeCloseTo(y2 - y3);
  expect(x2).toBeGreaterThan(x1);
  expect(y2).toBeLessThan(y1);
});

test('a name is text, not markup', () => {
  const svg = lineChart({
    title: 'a & b',
    xLabel: 'x',
    yLabel: 'y',
    lines: [{ name: '<b>', color: 'red', points: [[1, 1]] }],
  });
  expect(svg).toContain('a &amp; b');
  expect(svg).toContain('&lt;b>');
  expect(svg).not.toContain('<b>');
});
