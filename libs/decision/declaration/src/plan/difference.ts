import { isDeepStrictEqual } from 'node:util';
import type { Path } from './field-path.js';

/**
 * One place where two values differ. Only `after`: it was added. Only `before`: it was removed. In a list, the place of
 * what was removed counts in the old list and every other place in the new one.
 */
export interface Difference {
  readonly path: Path;
  readonly before?: unknown;
  readonly after?: unknown;
}

/**
 * Lists where two values of JSON differ, as deep as it can say: `timeout` rather than the whole document. In each list
 * what was removed comes first, so that the differences can be applied one after the other.
 * @param isWhole whether the value at a path is compared as one, whatever it holds
 */
export function differencesOf(
  before: unknown,
  after: unknown,
  isWhole: (path: Path) => boolean = () => false,
  path: Path = [],
): Difference[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (before === undefined) return [{ path, after }];
  if (after === undefined) return [{ path, before }];
  if (isWhole(path)) return [{ path, before, after }];
  if (Array.isArray(before) && Array.isArray(after)) return differencesOfLists(before, after, isWhole, path);
  if (isMapping(before) && isMapping(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) =>
      differencesOf(memberOf(before, key), memberOf(after, key), isWhole, [...path, key]),
    );
  }
  return [{ path, before, after }];
}

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Of the value itself: every object has a `toString`. */
const memberOf = (mapping: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(mapping, key) ? mapping[key] : undefined;

function differencesOfLists(
  before: readonly unknown[],
  after: readonly unknown[],
  isWhole: (path: Path) => boolean,
  path: Path,
): Difference[] {
  const removed: Difference[] = [];
  const added: Difference[] = [];
  const changed: Difference[] = [];
  for (const { old, now } of gapsBetween(before, after)) {
    // As many as there were: each takes the place of one.
    const isChange = old.to - old.from === now.to - now.from;
    for (let index = now.from; index < now.to; index++) {
      const from = before[old.from + index - now.from];
      if (isChange) changed.push(...differencesOf(from, after[index], isWhole, [...path, index]));
      else added.push({ path: [...path, index], after: after[index] });
    }
    if (isChange) continue;
    for (let index = old.from; index < old.to; index++) removed.push({ path: [...path, index], before: before[index] });
  }
  return [...removed.toReversed(), ...added, ...changed];
}

/** From the first place, up to but without the last. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** The places between what both lists have in the same order. */
function gapsBetween(
  before: readonly unknown[],
  after: readonly unknown[],
): { readonly old: Range; readonly now: Range }[] {
  const olds = before.map((value) => JSON.stringify(value));
  const news = after.map((value) => JSON.stringify(value));
  const least = Math.min(olds.length, news.length);
  let start = 0;
  while (start < least && olds[start] === news[start]) start++;
  let end = 0;
  while (end < least - start && olds[olds.length - 1 - end] === news[news.length - 1 - end]) end++;

  const last = { old: olds.length - end, now: news.length - end };
  const gaps: { old: Range; now: Range }[] = [];
  let [old, now] = [start, start];
  for (const kept of [...keptBetween(olds, news, start, end), last]) {
    if (kept.old > old || kept.now > now)
      gaps.push({ old: { from: old, to: kept.old }, now: { from: now, to: kept.now } });
    [old, now] = [kept.old + 1, kept.now + 1];
  }
  return gaps;
}

interface Pair {
  readonly old: number;
  readonly now: number;
}

/**
 * What stands once in each list and kept its order: the longest such sequence (patience diff), in time n log n, because
 * a list may have ten thousand entries.
 */
function keptBetween(olds: readonly string[], news: readonly string[], start: number, end: number): Pair[] {
  const placesOf = (texts: readonly string[]) => {
    const places = new Map<string, number>();
    for (let index = start; index < texts.length - end; index++) {
      const text = texts[index] ?? '';
      places.set(text, places.has(text) ? -1 : index);
    }
    return places;
  };
  const inNew = placesOf(news);
  const pairs = [...placesOf(olds)].flatMap(([text, old]) => {
    const now = inNew.get(text) ?? -1;
    return old < 0 || now < 0 ? [] : [{ old, now }];
  });
  return longestRising(pairs.toSorted((a, b) => a.old - b.old));
}

function longestRising(pairs: readonly Pair[]): Pair[] {
  interface Link extends Pair {
    readonly previous: Link | undefined;
  }
  const tails: Link[] = [];
  for (const pair of pairs) {
    let [low, high] = [0, tails.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((tails[middle]?.now ?? 0) < pair.now) low = middle + 1;
      else high = middle;
    }
    tails[low] = { ...pair, previous: tails[low - 1] };
  }
  const rising: Pair[] = [];
  for (let link = tails.at(-1); link !== undefined; link = link.previous) rising.unshift(link);
  return rising;
}
