/** One line of a chart. Points are in the order of x. */
export interface Line {
  readonly name: string;
  readonly color: string;
  readonly isDashed?: boolean;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly lines: readonly Line[];
}

const [WIDTH, HEIGHT] = [720, 420];
const [LEFT, RIGHT, TOP, BOTTOM] = [70, 190, 50, 50];
const Y_STEPS = 5;

const text = (x: number, y: number, said: string, more = ''): string =>
  `<text x="${x}" y="${y}" ${more}>${said.replace(/&/g, '&amp;').replace(/</g, '&lt;')}</text>`;

/** The least round number (1, 2 or 5 with zeros) from `value` on. */
export function roundUp(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * unit).find((step) => step >= value * (1 - 1e-9)) ?? value;
}

/** An SVG picture; x doubles from mark to mark, y begins at 0. */
export function lineChart({ title, xLabel, yLabel, lines }: Chart): string {
  const points = lines.flatMap((line) => line.points);
  const xs = [...new Set(points.map(([x]) => x))].toSorted((a, b) => a - b);
  const [least = 1, most = 1] = [xs[0], xs.at(-1)];
  const top = roundUp(Math.max(...points.map(([, y]) => y), Number.EPSILON));
  const plotWidth = WIDTH - LEFT - RIGHT;
  const plotHeight = HEIGHT - TOP - BOTTOM;
  const xOf = (x: number) => LEFT + (most === least ? 0.5 : Math.log2(x / least) / Math.log2(most / least)) * plotWidth;
  const yOf = (y: number) => TOP + (1 - y / top) * plotHeight;
  const place = (value: number) => value.toFixed(1);
  const grid = Array.from({ length: Y_STEPS + 1 }, (_, step) => {
    const value = (top / Y_STEPS) * step;
    const y = yOf(value);
    return (
      `<line x1="${LEFT}" x2="${LEFT + plotWidth}" y1="${place(y)}" y2="${place(y)}" stroke="#ddd"/>` +
      text(LEFT - 8, y + 4, String(Number(value.toPrecision(3))), 'text-anchor="end"')
    );
  });
  const marks = xs.map((x) => text(xOf(x), HEIGHT - BOTTOM + 20, String(x), 'text-anchor="middle"'));
  const drawn = lines.map(({ name, color, isDashed = false, points: of }, index) => {
    const style = `fill="none" stroke="${color}" stroke-width="2"${isDashed ? ' stroke-dasharray="6 4"' : ''}`;
    const y = TOP + 16 + index * 20;
    const x = LEFT + plotWidth + 12;
    return (
      `<polyline ${style} points="${of.map((point) => `${place(xOf(point[0]))},${place(yOf(point[1]))}`).join(' ')}"/>` +
      `<line ${style} x1="${x}" x2="${x + 24}" y1="${y - 4}" y2="${y - 4}"/>${text(x + 30, y, name)}`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(LEFT, 26, title, 'font-size="15"'),
    ...grid,
    ...marks,
    text(LEFT + plotWidth / 2, HEIGHT - 10, xLabel, 'text-anchor="middle"'),
    text(16, TOP - 12, yLabel),
    ...drawn,
    '</svg>\n',
  ].join('\n');
}
