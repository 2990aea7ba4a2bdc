import { Secret } from '@sallyport/kernel';
import { z } from 'zod';

/** The kinds of environment variable the processes use. Chain `.default(…)` or `.optional()`, and `.describe(…)` for the docs. */
const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^-?\d{1,15}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.int().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

/** 0 lets the system choose. */
const port = () => wholeNumber(0, 65_535);

/** `http(s)` origin without path, query or trailing slash, as in `https://gateway.example`. */
const origin = () =>
  z.string().transform((value, context) => {
    const parsed = URL.canParse(value) ? new URL(value) : undefined;
    if (parsed && /^https?:$/.test(parsed.protocol) && (value === parsed.origin || value === `${parsed.origin}/`))
      return parsed.origin;
    context.addIssue({ code: 'custom', message: 'must be an origin such as https://gateway.example, without a path' });
    return z.NEVER;
  });

/** A URL with one of `protocols` (such as `postgresql:`). Its value may hold a password: wrap in `secret()` what must not print. */
const url = (...protocols: readonly string[]) =>
  z
    .string()
    .refine((value) => URL.canParse(value) && (protocols.length === 0 || protocols.includes(new URL(value).protocol)), {
      message: protocols.length === 0 ? 'must be a URL' : `must be a URL that starts with ${protocols.join(' or ')}`,
    });

/** Comma-separated; blanks and empty items are dropped. */
const list = () =>
  z.string().transform((value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );

const flag = () => z.enum(['true', 'false'], 'must be true or false').transform((value) => value === 'true');

/** `250ms`, `30s`, `5m`, `12h` or `7d`, as milliseconds. */
const duration = () =>
  z.string().transform((value, context) => {
    const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(value);
    const unit = match?.[2];
    if (match && unit)
      return (
        Number(match[1]) *
        { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit as 'ms' | 's' | 'm' | 'h' | 'd']
      );
    context.addIssue({ code: 'custom', message: 'must be a duration such as 30s or 5m' });
    return z.NEVER;
  });

/** Prints as `[redacted]` from here on. */
const secret = () => z.string().transform((value) => new Secret(value));

const path = () => z.string().min(1);

const logLevel = () =>
  z.enum(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'must be fatal, error, warn, info, debug, trace or silent',
  );

export const variable = { wholeNumber, port, origin, url, list, flag, duration, secret, path, logLevel };
