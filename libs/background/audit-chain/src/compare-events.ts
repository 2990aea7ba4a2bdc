import { leafOf, type ChainedEvent, type ChainEntry } from './chain-entry.js';
import { summarize, type Checkpoint } from './checkpoint.js';
import type { Finding } from './finding.js';
import { merkleRoot } from './merkle-root.js';
import { isInRanges } from './number-ranges.js';

export interface Compared {
  readonly findings: readonly Finding[];
  /** Events that need not be there any more, and are not. */
  readonly dropped: number;
}

/**
 * Compares the events of one writer and window with what a checkpoint says of them.
 * @param events in order of arrival
 * @param kept what was kept with the checkpoint to say where they differ; nobody has to believe it, because its root is
 * the checkpoint's or it is not used
 * @param keepsFrom events of before this moment may have been dropped
 */
export function compareEvents(
  checkpoint: Checkpoint,
  events: readonly ChainedEvent[],
  kept: readonly ChainEntry[] | undefined,
  keepsFrom: number,
): Compared {
  const { count, root } = summarize(events);
  if (count === checkpoint.count && root === checkpoint.root) return { findings: [], dropped: 0 };
  const isKept =
    kept !== undefined && merkleRoot(kept.map((entry) => leafOf(entry))).toString('hex') === checkpoint.root;
  const compared = isKept
    ? compareWithEntries(checkpoint, events, kept, keepsFrom)
    : compareWithNumbers(checkpoint, events, keepsFrom);
  const isExplained = compared.findings.length > 0 || compared.dropped > 0;
  return isExplained ? compared : { findings: [somewhereIn(checkpoint)], dropped: 0 };
}

const keyOf = ({ digest }: ChainEntry): string => digest.toString('hex');

function compareWithEntries(
  { number, writer }: Checkpoint,
  events: readonly ChainedEvent[],
  kept: readonly ChainEntry[],
  keepsFrom: number,
): Compared {
  const findings: Finding[] = [];
  const bySequence = new Map(events.map((event) => [event.sequence, event]));
  const found = new Set(events.map((event) => keyOf(event)));
  const known = new Set(kept.map((entry) => keyOf(entry)));
  const sequences = new Set(kept.map(({ sequence }) => sequence));
  let dropped = 0;
  for (const entry of kept) {
    const { sequence, n, at } = entry;
    const event = bySequence.get(sequence);
    const where = { checkpoint: number, writer, sequence };
    if (event === undefined) {
      if (found.has(keyOf(entry)))
        findings.push({ ...where, kind: 'reordered', n, at, why: 'The event stands in another place.' });
      else if (at < keepsFrom) dropped += 1;
      else findings.push({ ...where, kind: 'removed', n, at, why: 'There was an event, and it is not there.' });
    } else if (keyOf(event) !== keyOf(entry)) {
      const isMoved = known.has(keyOf(event));
      const why = isMoved ? 'Another event of this writer stood here.' : 'The event is not what it was.';
      const { id } = event;
      findings.push({ ...where, kind: isMoved ? 'reordered' : 'changed', n, id, at, why });
    }
  }
  for (const event of events) {
    if (sequences.has(event.sequence) || known.has(keyOf(event))) continue;
    findings.push(added(event, number));
  }
  return { findings: findings.sort((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0)), dropped };
}

/** Without entries: by the numbers that the checkpoint names, of which a call has two events. */
function compareWithNumbers(checkpoint: Checkpoint, events: readonly ChainedEvent[], keepsFrom: number): Compared {
  const { number, writer, numbers, count, at } = checkpoint;
  if (at < keepsFrom && events.length < count) return { findings: [], dropped: count - events.length };
  const findings: Finding[] = [];
  const types = new Map<number, string[]>();
  for (const event of events) {
    const others = types.get(event.n) ?? [];
    if (!isInRanges(numbers, event.n) || others.includes(event.type)) findings.push(added(event, number));
    types.set(event.n, [...others, event.type]);
  }
  for (const [from, to] of numbers) {
    for (let n = from; n <= to; n++) {
      const there = types.get(n) ?? [];
      const isHalf = there.length === 1 && (there[0] === 'mcp.request' || there[0] === 'mcp.response');
      if (there.length > 0 && !isHalf) continue;
      const why = isHalf ? 'One of the two events of a call is not there.' : 'There was a record, and it is not there.';
      findings.push({ kind: 'removed', checkpoint: number, writer, n, why });
    }
  }
  return { findings, dropped: 0 };
}

/** An event that no checkpoint speaks of, where one speaks of all there were. */
export const added = ({ writer, n, sequence, id, at }: ChainedEvent, checkpoint: number | undefined): Finding => ({
  kind: 'added',
  checkpoint,
  writer,
  n,
  sequence,
  id,
  at,
  why: 'No such event had arrived.',
});

const somewhereIn = ({ number, writer, numbers, after, at }: Checkpoint): Finding => ({
  kind: 'changed',
  checkpoint: number,
  writer,
  n: numbers[0]?.[0],
  sequence: after + 1,
  at,
  why: 'One of the events from here to the end of the checkpoint is not what it was, or they stood in another order.',
});
