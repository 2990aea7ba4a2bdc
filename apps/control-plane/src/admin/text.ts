import { z } from 'zod';

/** A text as PostgreSQL can compare and keep it: anything else is the asker's mistake, not a failure of ours. */
export const text = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .refine((value) => !value.includes('\u0000') && value.isWellFormed(), 'holds a character that is no text');
