import type { Round } from '../measure/measure-round.js';
import type { ScenarioRun } from '../run-scenario.js';
import type { Subject } from '../subjects/subject.js';
import { spreadOf, type Spread } from './percentile.js';

/** One subject over all rounds; ratios are to the bare proxy in the same round. */
export interface SubjectFigures {
  readonly name: Subject['name'];
  readonly title: string;
  readonly requestsPerSecond: Spread;
  readonly rpsRatio: Spread;
  /** Microseconds. */
  readonly cpuPerCall: Spread;
  readonly cpuRatio: Spread;
  /** Milliseconds, without pauses. */
  readonly p50: Spread;
  readonly p99: Spread;
  readonly p999: Spread;
  readonly max: Spread;
  /** At half the load: milliseconds, and what they are more than the bare proxy's. */
  readonly half: { readonly perSecond: Spread; readonly p50: Spread; readonly p99: Spread; readonly p999: Spread };
  readonly p50Added: Spread;
  readonly p99Added: Spread;
  /** The most of a round. */
  readonly rssMebibytes: Spread;
  readonly grownMebibytes: Spread;
  /** To the product in the configuration it is compared with, in the same round. */
  readonly compared: { readonly rpsRatio: Spread; readonly cpuRatio: Spread } | undefined;
  /** Further figures, by name. */
  readonly notes: Readonly<Record<string, number>>;
  readonly events:
    | { readonly backlog: Spread; readonly drainMs: Spread; readonly cpuPerEvent: Spread; readonly lost: number }
    | undefined;
  readonly errors: number;
  /** What was wrong, a few of them. */
  readonly wrong: readonly string[];
}

export interface ScenarioFigures {
  readonly scenario: string;
  readonly about: string;
  readonly rounds: number;
  readonly subjects: readonly SubjectFigures[];
}

const MOST_WRONG = 5;

export function summarise({ scenario, subjects, rounds, notes }: ScenarioRun): ScenarioFigures {
  const figuresOf = ({ name, title }: Subject): SubjectFigures => {
    const pairs = rounds.flatMap((round) => {
      const [own, bare] = [round.get(name), round.get('bare')];
      return own === undefined || bare === undefined ? [] : [{ own, bare }];
    });
    const halves = pairs.flatMap(({ own, bare }) =>
      own.half === undefined || bare.half === undefined ? [] : [{ own: own.half, bare: bare.half }],
    );
    const overHalves = (read: (pair: (typeof halves)[number]) => number): Spread => spreadOf(halves.map(read));
    const over = (read: (pair: (typeof pairs)[number]) => number): Spread => spreadOf(pairs.map(read));
    const all: readonly Round[] = pairs.flatMap(({ own }) => [own.full, ...(own.half === undefined ? [] : [own.half])]);
    const events = all.flatMap((round) => round.events ?? []);
    const ofEvents = pairs.flatMap(({ own }) => own.full.events ?? []);
    return {
      name,
      title,
      requestsPerSecond: over(({ own }) => own.full.requestsPerSecond),
      rpsRatio: over(({ own, bare }) => own.full.requestsPerSecond / bare.full.requestsPerSecond),
      cpuPerCall: over(({ own }) => own.full.cpuPerCall),
      cpuRatio: over(({ own, bare }) => own.full.cpuPerCall / bare.full.cpuPerCall),
      p50: over(({ own }) => own.full.p50),
      p99: over(({ own }) => own.full.p99),
      p999: over(({ own }) => own.full.p999),
      max: over(({ own }) => own.full.max),
      half: {
        perSecond: overHalves(({ own }) => own.requestsPerSecond),
        p50: overHalves(({ own }) => own.p50),
        p99: overHalves(({ own }) => own.p99),
        p999: overHalves(({ own }) => own.p999),
      },
      p50Added: overHalves(({ own, bare }) => own.p50 - bare.p50),
      p99Added: overHalves(({ own, bare }) => own.p99 - bare.p99),
      rssMebibytes: over(({ own }) => own.full.rssMebibytes),
      grownMebibytes: over(({ own }) => own.full.grownMebibytes),
      compared: name === 'distributed' ? comparedOf(rounds) : undefined,
      notes: notes[name] ?? {},
      events:
        events.length === 0
          ? undefined
          : {
              backlog: spreadOf(ofEvents.map(({ backlog }) => backlog)),
              drainMs: spreadOf(ofEvents.map(({ drainMs }) => drainMs)),
              cpuPerEvent: spreadOf(ofEvents.flatMap(({ cpuPerEvent }) => cpuPerEvent ?? [])),
              lost: events.reduce((sum, { lost }) => sum + lost, 0),
            },
      errors: all.reduce((sum, round) => sum + round.errors, 0),
      wrong: all.flatMap((round) => round.wrong).slice(0, MOST_WRONG),
    };
  };
  return {
    scenario: scenario.name,
    about: scenario.about,
    rounds: rounds.length,
    subjects: subjects.map(figuresOf),
  };
}

function comparedOf(rounds: ScenarioRun['rounds']): SubjectFigures['compared'] {
  const pairs = rounds.flatMap((round) => {
    const [own, other] = [round.get('distributed')?.full, round.get('compared')?.full];
    return own === undefined || other === undefined ? [] : [{ own, other }];
  });
  if (pairs.length === 0) return undefined;
  return {
    rpsRatio: spreadOf(pairs.map(({ own, other }) => own.requestsPerSecond / other.requestsPerSecond)),
    cpuRatio: spreadOf(pairs.map(({ own, other }) => own.cpuPerCall / other.cpuPerCall)),
  };
}
