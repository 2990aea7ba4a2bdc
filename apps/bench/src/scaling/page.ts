import { ASSUMED, MEASURED, scale, type Demand, type Inputs } from './model.js';

export const DEMANDS: readonly (Demand & { readonly name: string })[] = [
  { name: '1,000 calls/s, 100,000 users', callsPerSecond: 1_000, users: 100_000 },
  { name: '10,000 calls/s, 1,000,000 users', callsPerSecond: 10_000, users: 1_000_000 },
  { name: '100,000 calls/s, 1,000,000 users', callsPerSecond: 100_000, users: 1_000_000 },
];

/** Three digits that count; whole numbers from there on. */
function written(value: number): string {
  const rounded = value === 0 ? 0 : Number(value.toPrecision(3));
  return rounded.toLocaleString('en-US', { maximumFractionDigits: 20 });
}

export function renderInputs(of: typeof MEASURED | typeof ASSUMED, values: Readonly<Record<string, number>>): string {
  return [
    '| input | value | unit | what |',
    '| --- | --- | --- | --- |',
    ...Object.entries(of).map(
      ([name, { unit, about }]) => `| \`${name}\` | ${String(values[name] ?? Number.NaN)} | ${unit} | ${about} |`,
    ),
  ].join('\n');
}

export function renderResults(inputs: Inputs): string {
  const columns = DEMANDS.map((demand) => scale(inputs, demand));
  const [first = []] = columns;
  return [
    `| what | formula | ${DEMANDS.map(({ name }) => name).join(' | ')} |`,
    `| --- | --- | ${DEMANDS.map(() => '---').join(' | ')} |`,
    ...first.map(
      ({ name, formula, unit }, row) =>
        `| ${name} | ${formula} | ` +
        `${columns.map((column) => `${written(column[row]?.value ?? Number.NaN)} ${unit}`.trim()).join(' | ')} |`,
    ),
  ].join('\n');
}

/** The inputs as a page states them. @throws when one is missing or no number */
export function readInputs(page: string): Inputs {
  const entries = [...Object.keys(MEASURED), ...Object.keys(ASSUMED)].map((name): [string, number] => {
    const [, text = ''] = new RegExp(`^\\| \`${name}\` +\\| *([\\d.]+) *\\|`, 'm').exec(page) ?? [];
    if (text === '') throw new Error(`The page does not say ${name}.`);
    return [name, Number(text)];
  });
  return Object.fromEntries(entries) as Inputs;
}

/** A table without the spaces that a formatter lays it out with. */
export const bare = (table: string): string =>
  table
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[\s|-]+\|$/.test(line))
    .map((line) => line.replace(/ *\| */g, '|'))
    .join('\n');
