/** Milliseconds since the epoch. Passed in wherever a decision depends on time, so that tests own it. */
export type Clock = () => number;
export const systemClock: Clock = () => Date.now();

/**
 * A clock that only measures how long ago something was in this process: set back, it goes on from where it was. By the
 * clock itself, what was to wait a minute would wait for as long as the clock was ahead.
 */
export function steady(clock: Clock): Clock {
  let last = clock();
  let setBackMs = 0;
  return () => {
    const now = clock();
    if (now < last) setBackMs += last - now;
    last = now;
    return now + setBackMs;
  };
}
