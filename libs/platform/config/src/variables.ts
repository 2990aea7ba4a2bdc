import { Secret, DURATION_WORDS, durationMs } from '@sallyport/kernel';
import { z } from 'zod';

/**
 * The types of environment variables. Chain `.default(…)` or `.optional()`, and `.describe(…)` for the
 * documentation.
 */
const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^-?\d{1,15}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.int().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

/** A port. The system chooses one for 0. */
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

/** A URL with one of `protocols`, such as `postgresql:`. For a URL that may hold a password use `secret()`. */
const url = (...protocols: readonly string[]) =>
  z
    .string()
    .refine((value) => URL.canParse(value) && (protocols.length === 0 || protocols.includes(new URL(value).protocol)), {
      message: protocols.length === 0 ? 'must be a URL' : `must be a URL that starts with ${protocols.join(' or ')}`,
    });

/** A comma-separated list. Blanks around items and empty items are dropped. */
const list = () =>
  z.string().transform((value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );

const onOrOff = () => z.enum(['on', 'off'], 'must be on or off');

const flag = () => z.enum(['true', 'false'], 'must be true or false').transform((value) => value === 'true');

/** `250ms`, `90s`, `15m`, `12h` or `14d`, as milliseconds. */
const duration = () =>
  z.string().transform((value, context) => {
    const milliseconds = durationMs(value);
    if (milliseconds !== undefined) return milliseconds;
    context.addIssue({ code: 'custom', message: DURATION_WORDS });
    return z.NEVER;
  });

/** A secret, which prints as `[redacted]`. */
const secret = () => z.string().transform((value) => new Secret(value));

const path = () => z.string().min(1);

const logLevel = () =>
  z.enum(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'must be fatal, error, warn, info, debug, trace or silent',
  );

export const variable = { wholeNumber, port, origin, url, list, flag, onOrOff, duration, secret, path, logLevel };
