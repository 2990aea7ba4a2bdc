import { BoundedMap } from '@sallyport/kernel';

/** Is it within the hours? `now` in milliseconds since the epoch. */
export type Hours = (now: number) => boolean;

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;

/** By time zone: making one costs as much as a hundred policies, and keeps tens of kilobytes. */
const formats = new BoundedMap<string, Intl.DateTimeFormat>(1_000);

/**
 * `Mon-Fri 07:00-20:00 Europe/Berlin`: days (ranges and commas, may wrap over Sunday), start and end (the end excluded,
 * `24:00` allowed; an end before the start runs into the next day), IANA time zone. @returns what is wrong, else the
 * matcher
 */
export function compileHours(text: string): Hours | { invalid: string } {
  const match = /^(\S+) (\d\d):(\d\d)-(\d\d):(\d\d) (\S+)$/.exec(text.trim());
  if (!match) return { invalid: 'must read like `Mon-Fri 07:00-20:00 Europe/Berlin`' };
  const [, dayList = '', startHour, startMinute, endHour, endMinute, zone = ''] = match;
  const days = parseDays(dayList);
  if (!days) return { invalid: `\`${dayList}\` is not a list of days like \`Mon-Fri\` or \`Mon,Wed\`` };
  const start = minuteOfDay(startHour, startMinute);
  const end = minuteOfDay(endHour, endMinute);
  if (start === undefined || end === undefined || start === DAY_MINUTES || start === end)
    return { invalid: 'the times must be different and between 00:00 and 24:00' };
  const format = formatIn(zone);
  if (format === undefined) return { invalid: `\`${zone}\` is not a time zone` };
  const within = (now: number): boolean => {
    const parts = new Map(format.formatToParts(now).map((part) => [part.type, part.value]));
    const day = DAYS.indexOf(parts.get('weekday') ?? '');
    const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
    if (start < end) return days.has(day) && minute >= start && minute < end;
    return (days.has(day) && minute >= start) || (days.has((day + 6) % 7) && minute < end);
  };
  // Every time zone in use changes on a whole minute: one look-up a minute is exact.
  let known = { minute: Number.NaN, within: false };
  return (now) => {
    const minute = Math.floor(now / MINUTE_MS);
    if (known.minute !== minute) known = { minute, within: within(now) };
    return known.within;
  };
}

/** @returns `undefined` when there is no such time zone */
function formatIn(timeZone: string): Intl.DateTimeFormat | undefined {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    formats.set(timeZone, format);
    return format;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function minuteOfDay(hour: string | undefined, minute: string | undefined): number | undefined {
  const total = Number(hour) * 60 + Number(minute);
  return Number(minute) < 60 && total <= DAY_MINUTES ? total : undefined;
}

function parseDays(text: string): Set<number> | undefined {
  const days = new Set<number>();
  for (const part of text.split(',')) {
    const [from = '', to = from, ...rest] = part.split('-');
    const first = DAYS.indexOf(from);
    const last = DAYS.indexOf(to);
    if (first < 0 || last < 0 || rest.length > 0) return undefined;
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === last) break;
    }
  }
  return days;
}
