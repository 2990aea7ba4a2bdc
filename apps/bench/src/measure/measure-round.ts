import { setTimeout as pause } from 'node:timers/promises';
import { checkAnswers } from '../load/check-answers.js';
import type { Load, LoadOrder, LoadResult } from '../load/load.js';
import type { Product } from '../subjects/product.js';
import type { Subject } from '../subjects/subject.js';
import { readUsage } from './process-usage.js';

/** What became of the events of a round's calls. */
export interface EventsOfRound {
  /** Not stored yet when the last call was answered. */
  readonly backlog: number;
  /** Milliseconds from then until all were. */
  readonly drainMs: number;
  /** Never stored. */
  readonly lost: number;
  /** Of the process that stores them, microseconds. */
  readonly cpuPerEvent: number;
}

export interface Round extends LoadResult {
  readonly requestsPerSecond: number;
  /** Microseconds of the process under test, until its events are stored. */
  readonly cpuPerCall: number;
  readonly rssMebibytes: number;
  /** What was wrong, a few of them in words. */
  readonly wrong: readonly string[];
  readonly events: EventsOfRound | undefined;
}

export interface RoundOptions {
  readonly load: Load;
  readonly order: LoadOrder;
  readonly subject: Subject;
  readonly product: Product | undefined;
  /** How many calls the upstream has answered so far. */
  readonly served: () => Promise<number>;
}

const DRAINED_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 100;

/**
 * One load on one subject. Whatever is answered without the upstream is an error, and so is a wrong answer in the
 * sample. What a product does after the answer, to store its events, is part of the cost of the call.
 */
export async function measureRound({ load, order, subject, product, served }: RoundOptions): Promise<Round> {
  const sequence = (await product?.trail.lastSequence()) ?? 0n;
  const servedBefore = await served();
  const checking = checkAnswers(subject.origin, order.requests);
  const before = readUsage(subject.pid);
  const storingBefore = product && readUsage(product.storingPid);
  const result = await load.run(order);
  const { checked, wrong, errors } = await checking.stop();
  const calls = (await served()) - servedBefore;
  const { rssMebibytes } = readUsage(subject.pid);

  const drained = product && (await drain(product, sequence, calls));
  const after = readUsage(subject.pid);
  const unserved = Math.max(0, result.requests + checked - result.errors - errors - calls);
  const storingCpu = product && readUsage(product.storingPid).cpuMicroseconds - (storingBefore?.cpuMicroseconds ?? 0);
  return {
    ...result,
    requestsPerSecond: result.requests / result.seconds,
    cpuPerCall: (after.cpuMicroseconds - before.cpuMicroseconds) / Math.max(1, calls),
    rssMebibytes,
    errors: result.errors + errors + unserved,
    wrong: [...wrong, ...(unserved === 0 ? [] : [`${unserved} calls were answered without the upstream`])],
    events: drained && { ...drained, cpuPerEvent: (storingCpu ?? 0) / Math.max(1, calls) },
  };
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
