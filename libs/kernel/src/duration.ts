const MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** How configuration documents write a duration: `90s`, `15m`, `12h`, `14d`. */
export const DURATION = /^\d{1,9}[smhd]$/;
/** What is said of a text that is no such duration. */
export const DURATION_WORDS = 'must be a number and a unit: 90s, 15m, 12h or 14d';

/** @returns milliseconds of `250ms`, `90s`, `15m`, `12h` or `14d`; `undefined` when it is none of these */
export function durationMs(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * MS[unit as keyof typeof MS];
}

/** @returns seconds of `90s`, `15m`, `12h` or `14d`; `undefined` when it is none of these */
export function durationSeconds(text: string): number | undefined {
  return DURATION.test(text) ? (durationMs(text) ?? 0) / 1_000 : undefined;
}
