import { durationSeconds } from '@sallyport/kernel';

/** R47: no token issued lives longer, here or downstream. */
export const MAX_TOKEN_LIFETIME_SECONDS = 3_600;
/** Shorter than agents can refresh at ease. */
export const MIN_TOKEN_LIFETIME_SECONDS = 60;

/** Zero for what is no duration. */
export const secondsOf = (duration: string): number => durationSeconds(duration) ?? 0;
