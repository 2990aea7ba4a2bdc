import type { ColdFigures } from '../cold/measure-cold.js';
import type { Spread } from './percentile.js';
import type { ScenarioFigures, SubjectFigures } from './summarise.js';

const digits = (value: number): string => value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
/** `median (least–most)` */
const said = ({ median, least, most }: Spread): string =>
  Number.isNaN(median) ? '–' : `${digits(median)} (${digits(least)}–${digits(most)})`;

const rows: readonly (readonly [string, (figures: SubjectFigures) => string])[] = [
  ['calls a second', ({ requestsPerSecond }) => said(requestsPerSecond)],
  ['  against bare', ({ rpsRatio }) => said(rpsRatio)],
  ['CPU µs a call', ({ cpuPerCall }) => said(cpuPerCall)],
  ['  against bare', ({ cpuRatio }) => said(cpuRatio)],
  ['p50 ms', ({ p50 }) => said(p50)],
  ['p99 ms', ({ p99 }) => said(p99)],
  ['p99.9 ms', ({ p999 }) => said(p999)],
  ['longest ms', ({ max }) => said(max)],
  ['at half load: calls a second', ({ half }) => said(half.perSecond)],
  ['  p50 ms', ({ half }) => said(half.p50)],
  ['  p50 more than bare, ms', ({ p50Added }) => said(p50Added)],
  ['  p99 ms', ({ half }) => said(half.p99)],
  ['  p99 more than bare, ms', ({ p99Added }) => said(p99Added)],
  ['  p99.9 ms', ({ half }) => said(half.p999)],
  ['memory at most, MiB', ({ rssMebibytes }) => said(rssMebibytes)],
  ['  more than before, MiB', ({ grownMebibytes }) => said(grownMebibytes)],
  ['events not stored at the end', ({ events }) => (events === undefined ? '–' : said(events.backlog))],
  ['  ms until they are', ({ events }) => (events === undefined ? '–' : said(events.drainMs))],
  ['CPU µs to store a call', ({ events }) => (events === undefined ? '–' : said(events.cpuPerEvent))],
  ['calls a second against compared', ({ compared }) => (compared === undefined ? '–' : said(compared.rpsRatio))],
  ['CPU a call against compared', ({ compared }) => (compared === undefined ? '–' : said(compared.cpuRatio))],
  ['errors', ({ errors }) => String(errors)],
];

/** Medians over the rounds, and the least and the most of them. */
export function textOf({ scenario, about, rounds, subjects }: ScenarioFigures): string {
  const table = [
    ['', ...subjects.map(({ name }) => String(name))],
    ...rows
      .map(([title, read]) => [title, ...subjects.map(read)])
      .filter(([, ...cells]) => cells.some((cell) => cell !== '–')),
  ];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  );
  const notes = subjects.flatMap((subject) =>
    Object.entries(subject.notes).map(([name, figure]) => `${subject.name}: ${name}: ${digits(figure)}`),
  );
  return [`\n${scenario}: ${about}`, `medians of ${rounds} rounds (least–most)`, ...lines, ...notes].join('\n');
}

/** Starts and first answers, in milliseconds. */
export function textOfCold(cold: ColdFigures): string {
  const lines: readonly (readonly [string, string])[] = [
    ['standalone is ready, on an empty folder', digits(cold.standaloneFirst)],
    ['standalone is ready, on its data', said(cold.standalone)],
    ['a gateway with 500 servers and 10,000 policies is ready', said(cold.gateway500x10000)],
    ['first call of a user, which needs a credential: p50', digits(cold.leaseMissP50)],
    ['  p99', digits(cold.leaseMissP99)],
    ['an agent refreshes its token: p50', digits(cold.tokenIssueP50)],
    ['  p99', digits(cold.tokenIssueP99)],
    ["a user's first list of 500 tools of ten servers: p95", digits(cold.list500P95)],
    ['  the slowest of these servers', digits(cold.slowestServer)],
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  return [
    '\ncold: starts and first answers, milliseconds',
    ...lines.map(([name, ms]) => `${name.padEnd(width)}   ${ms}`),
  ].join('\n');
}
