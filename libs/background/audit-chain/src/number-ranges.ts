/** From and to, both included. */
export type NumberRange = readonly [from: number, to: number];

/** For example `1-3,5,8-9`. @param numbers in any order, repeated or not */
export function writeRanges(ranges: readonly NumberRange[]): string {
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(',');
}

/** @returns `undefined` for what is no text of `writeRanges`: ranges are in order and apart */
export function readRanges(text: string): NumberRange[] | undefined {
  const ranges: NumberRange[] = [];
  for (const part of text.split(',')) {
    const match = /^(\d{1,16})(?:-(\d{1,16}))?$/.exec(part);
    if (match === null) return undefined;
    const [from, to] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (from > to || from <= (ranges.at(-1)?.[1] ?? -1)) return undefined;
    ranges.push([from, to]);
  }
  return ranges;
}

/** The fewest ranges that hold exactly these numbers. */
export function rangesOf(numbers: readonly number[]): NumberRange[] {
  const ranges: [number, number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && number <= last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}

export const isInRanges = (ranges: readonly NumberRange[], number: number): boolean =>
  ranges.some(([from, to]) => from <= number && number <= to);
