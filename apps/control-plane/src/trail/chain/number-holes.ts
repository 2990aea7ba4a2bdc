/** A record that is missing for longer than any delivery takes did not come. */
const OVERDUE_MS = 60_000;
const MOST_WRITERS = 10_000;
/** Of one writer: one that leaves out more is told of in larger pieces. */
const MOST_HOLES = 100;

interface Hole {
  readonly first: number;
  readonly last: number;
  readonly since: number;
}
interface Numbered {
  /** The highest number that arrived. */
  highest: number;
  holes: Hole[];
}

/** Numbers of records that did not arrive although later ones of their writer did. */
export class NumberHoles {
  /** The one that wrote last is the last. */
  readonly #writers = new Map<string, Numbered>();

  isKnown(writer: string): boolean {
    return this.#writers.has(writer);
  }

  /** @param ranges numbers that arrived: from and to of each, in order */
  arrived(writer: string, ranges: readonly (readonly [number, number])[], now: number): void {
    const known = this.#writers.get(writer) ?? { highest: 0, holes: [] };
    for (const [from, to] of ranges) {
      known.holes = known.holes.flatMap((hole) => without(hole, from, to));
      if (from > known.highest + 1 && known.holes.length < MOST_HOLES)
        known.holes.push({ first: known.highest + 1, last: from - 1, since: now });
      known.highest = Math.max(known.highest, to);
    }
    this.#writers.delete(writer);
    this.#writers.set(writer, known);
    const [oldest] = this.#writers.keys();
    if (this.#writers.size > MOST_WRITERS && oldest !== undefined) this.#writers.delete(oldest);
  }

  /** Takes those that are missing for too long. */
  takeOverdue(now: number): { readonly writer: string; readonly first: number; readonly last: number }[] {
    const overdue: { writer: string; first: number; last: number }[] = [];
    for (const [writer, known] of this.#writers) {
      const isOverdue = ({ since }: Hole) => now - since >= OVERDUE_MS;
      for (const { first, last } of known.holes.filter(isOverdue)) overdue.push({ writer, first, last });
      known.holes = known.holes.filter((hole) => !isOverdue(hole));
    }
    return overdue;
  }
}

/** What is left of a hole when these numbers arrived. */
function without(hole: Hole, from: number, to: number): Hole[] {
  const { first, last } = hole;
  if (to < first || from > last) return [hole];
  return [...(first < from ? [{ ...hole, last: from - 1 }] : []), ...(to < last ? [{ ...hole, first: to + 1 }] : [])];
}
