import { z } from 'zod';

/** A text that PostgreSQL can compare and keep. Any other is the caller's mistake, and not a failure of ours. */
export const text = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .refine((value) => !value.includes('\u0000') && value.isWellFormed(), 'holds a character that is no text');

/** Why an administrator does something: kept in the trail. */
export const Reason = text(500);

/** How many entries a page has at most; 100 unless the query says otherwise. */
export const PageSize = z
  .string()
  .regex(/^\d{1,4}$/, 'must be a number from 1 to 1000')
  .transform(Number)
  .pipe(z.int().min(1).max(1_000))
  .prefault('100');

/** The number of a revision: as large as PostgreSQL keeps, so that one that is too large is the caller's mistake. */
export const Revision = z.int().min(0).max(2_147_483_647);

/** `true` or `false` in a query. */
export const Flag = z.enum(['true', 'false']).transform((value) => value === 'true');

/** The sequence of an event: where a page of the trail goes on. */
export const Sequence = z
  .string()
  .regex(/^\d{1,18}$/, 'must be the sequence of an event')
  .transform(BigInt);

/** A moment, e.g. `2026-11-30T09:40:00.000Z`. */
export const Moment = z.iso.datetime();

/** Headers of a route that answers a repetition under the same key as it answered the first request, for a day. */
export const idempotent = z.object({ 'idempotency-key': z.string().min(1).max(255).optional() });
