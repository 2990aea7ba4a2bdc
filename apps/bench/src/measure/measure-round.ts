import { setTimeout as pause } from 'node:timers/promises';
import { checkAnswers, type Checked } from '../load/check-answers.js';
import type { Load, LoadOrder, LoadResult } from '../load/load.js';
import type { McpRequest } from '../load/mcp-request.js';
import type { Product } from '../subjects/product.js';
import type { Subject } from '../subjects/subject.js';
import { readUsage, watchMemory } from './process-usage.js';

/** What became of the events of a round's calls. */
export interface EventsOfRound {
  /** Not stored yet when the last call was answered. */
  readonly backlog: number;
  /** Milliseconds from then until all were. */
  readonly drainMs: number;
  /** Never stored. */
  readonly lost: number;
  /** Of the process that stores them, microseconds; undefined where it does other work too. */
  readonly cpuPerEvent: number | undefined;
}

export interface Round extends LoadResult {
  readonly requestsPerSecond: number;
  /** Microseconds of the process under test, until its events are stored. */
  readonly cpuPerCall: number;
  readonly rssMebibytes: number;
  /** The most it had during the load, more than right before. */
  readonly grownMebibytes: number;
  /** What was wrong, a few of them in words. */
  readonly wrong: readonly string[];
  readonly events: EventsOfRound | undefined;
}

export interface RoundOptions {
  readonly load: Load;
  readonly order: LoadOrder;
  /** Sent one by one beside the load, and read to their ends. */
  readonly sample: readonly McpRequest[];
  readonly checkEveryMs: number;
  readonly subject: Subject;
  readonly product: Product | undefined;
  /** How many calls the upstream has answered so far; undefined where a subject may answer by itself. */
  readonly served: (() => Promise<number>) | undefined;
}

const DRAINED_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 100;

/**
 * One load on one subject. Whatever is answered without the upstream is an error, and so is a wrong answer in the
 * sample. What a product does after the answer, to store its events, is part of the cost of the call.
 */
export async function measureRound(options: RoundOptions): Promise<Round> {
  const { load, order, sample, checkEveryMs, subject, product, served } = options;
  const sequence = (await product?.trail.lastSequence()) ?? 0n;
  const servedBefore = (await served?.()) ?? 0;
  const storing = product?.storingPid;
  const storingBefore = storing === undefined ? 0 : readUsage(storing).cpuMicroseconds;
  const before = readUsage(subject.pid);
  const watching = watchMemory(subject.pid);
  const checking = checkAnswers(subject.origin, sample, { everyMs: checkEveryMs });
  const [result, { checked, wrong, errors }] = await loadAndCheck(load, order, checking);
  const answered = result.requests + checked - result.errors - errors;
  const calls = served === undefined ? answered : (await served()) - servedBefore;
  const peak = await watching.stop();

  const drained = product && (await drain(product, sequence, calls));
  const after = readUsage(subject.pid);
  const unserved = Math.max(0, answered - calls);
  const storingCpu = storing === undefined ? undefined : readUsage(storing).cpuMicroseconds - storingBefore;
  return {
    ...result,
    requestsPerSecond: result.requests / result.seconds,
    cpuPerCall: (after.cpuMicroseconds - before.cpuMicroseconds) / Math.max(1, calls),
    rssMebibytes: peak,
    grownMebibytes: peak - before.rssMebibytes,
    errors: result.errors + errors + unserved,
    wrong: [...wrong, ...(unserved === 0 ? [] : [`${unserved} calls were answered without the upstream`])],
    events: drained && {
      ...drained,
      cpuPerEvent: storingCpu === undefined ? undefined : storingCpu / Math.max(1, calls),
    },
  };
}

async function loadAndCheck(
  load: Load,
  order: LoadOrder,
  checking: ReturnType<typeof checkAnswers>,
): Promise<[LoadResult, Checked]> {
  try {
    const result = await load.run(order);
    return [result, await checking.stop()];
  } finally {
    await checking.stop();
  }
}

async function drain({ trail }: Product, sequence: bigint, calls: number): Promise<Omit<EventsOfRound, 'cpuPerEvent'>> {
  const began = performance.now();
  let stored = await trail.storedAfter(sequence);
  const backlog = Math.max(0, calls - stored);
  while (stored < calls && performance.now() - began < DRAINED_WITHIN_MS) {
    await pause(LOOK_EVERY_MS);
    stored = await trail.storedAfter(sequence);
  }
  return { backlog, drainMs: backlog === 0 ? 0 : performance.now() - began, lost: Math.max(0, calls - stored) };
}
