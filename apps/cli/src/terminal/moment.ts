const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;
/** Beyond this a date says more than a distance. */
const FAR_MS = 60 * 86_400_000;

/** `3m ago`, `in 14d`, `now`; a date when it is far. `never` for no moment. */
export function relativeMoment(moment: string | number | null, now: number, never = '–'): string {
  if (moment === null) return never;
  const at = typeof moment === 'number' ? moment : Date.parse(moment);
  if (Number.isNaN(at)) return String(moment);
  const distance = Math.abs(at - now);
  if (distance > FAR_MS) return new Date(at).toISOString().slice(0, 10);
  const [unit, size] = UNITS.find(([, ms]) => distance >= ms) ?? ['s', 1_000];
  const count = Math.floor(distance / size);
  if (count === 0) return 'now';
  return at > now ? `in ${count}${unit}` : `${count}${unit} ago`;
}

/** `16:41:12` of today, `2026-11-29 16:41:12` of another day, in UTC: for lines that are compared with logs. */
export function clockMoment(at: number, now: number): string {
  const [day = '', time = ''] = new Date(at).toISOString().slice(0, 19).split('T');
  return new Date(now).toISOString().startsWith(day) ? time : `${day} ${time}`;
}
