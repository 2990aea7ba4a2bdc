import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ASSUMED, MEASURED, scale, type Inputs } from './model.js';
import { bare, readInputs, renderResults } from './page.js';

const page = readFileSync(join(process.cwd(), 'docs/scaling.md'), 'utf8');
const ones = Object.fromEntries(
  [...Object.keys(MEASURED), ...Object.keys(ASSUMED)].map((name): [string, number] => [name, 1]),
) as Inputs;
const valueOf = (inputs: Inputs, name: string) =>
  scale(inputs, { callsPerSecond: 1_000, users: 100_000 }).find((result) => result.name === name)?.value;

test('the results on docs/scaling.md are what the model makes of the inputs on it', () => {
  expect(bare(page)).toContain(bare(renderResults(readInputs(page))));
});

test('a process is needed for each core that is full at the utilisation, and a part of one is a whole one', () => {
  expect(valueOf({ ...ones, 'gateway-cpu': 300, utilisation: 0.6 }, 'gateway processes')).toBe(1);
  expect(valueOf({ ...ones, 'gateway-cpu': 1_000, utilisation: 0.6 }, 'gateway processes')).toBe(2);
});

test('a call is two rows of the trail, all day at the mean rate, for as long as it is kept', () => {
  const inputs = { ...ones, 'peak-to-mean': 10, 'event-bytes': 500, 'retention-days': 90 };
  expect(valueOf(inputs, 'trail, a day')).toBeCloseTo((100 * 86_400 * 2 * 500) / 1e9);
  expect(valueOf(inputs, 'trail, kept')).toBeCloseTo((100 * 86_400 * 2 * 500 * 90) / 1e12);
});
