import stringWidth from 'string-width';
import { printable } from './printable.js';
import type { Paint, Style } from './paint.js';

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly style?: (row: Row) => Style | undefined;
  readonly isRight?: boolean;
  /** May be cut down to so many cells, with `…`, where the terminal is narrow. Ids are not: they are copied. */
  readonly least?: number;
}

const GAP = '  ';

/**
 * Lines of a table, titles first: columns aligned, no wider than `width` as far as cutting the columns that may be cut
 * can make it so.
 */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { width, paint }: { width: number | undefined; paint: Paint },
): string[] {
  const texts = rows.map((row) => columns.map((column) => printable(column.text(row)) || '–'));
  const natural = columns.map(({ title }, at) =>
    Math.max(stringWidth(title), ...texts.map((line) => stringWidth(line[at] ?? ''))),
  );
  const widths = fitted(natural, columns, width);
  const line = (cells: readonly string[], styleOf: (at: number) => Style | undefined): string =>
    cells
      .map((cell, at) => {
        const cut = truncate(cell, widths[at] ?? 0);
        const space = ' '.repeat(Math.max(0, (widths[at] ?? 0) - stringWidth(cut)));
        const painted = paint(styleOf(at), cut);
        if (columns[at]?.isRight === true) return space + painted;
        return at === cells.length - 1 ? painted : painted + space;
      })
      .join(GAP);
  const titles = line(
    columns.map(({ title }) => title),
    () => 'dim',
  );
  return [
    titles.trimEnd(),
    ...rows.map((row, index) => line(texts[index] ?? [], (at) => columns[at]?.style?.(row)).trimEnd()),
  ];
}

/** The widest column that may shrink gives way first, until everything fits or nothing more can be cut. */
function fitted(
  natural: readonly number[],
  columns: readonly { readonly least?: number }[],
  width: number | undefined,
): number[] {
  const widths = [...natural];
  if (width === undefined) return widths;
  const total = () => widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1);
  const canShrink = (at: number) => (widths[at] ?? 0) > (columns[at]?.least ?? Infinity);
  while (total() > width) {
    const shrinking = widths.map((_, at) => at).filter(canShrink);
    const widest = shrinking.toSorted((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

const SEGMENTER = new Intl.Segmenter();

/** Cut to a number of terminal cells; a wide character is never halved. */
export function truncate(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  for (const { segment } of SEGMENTER.segment(text)) {
    if (stringWidth(kept + segment) > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
