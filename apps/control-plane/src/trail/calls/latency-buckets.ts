/** Each bucket ends where it is a quarter more than where it begins. */
const RATIO = 1.25;
/** Ends after eleven minutes; what takes longer is in it as well. */
const LAST = 60;

/** How far a latency that is told from its bucket may be from the one that was measured: 12 percent, from 1 ms on. */
export const LATENCY_ERROR = Math.sqrt(RATIO) - 1;

/** Bucket 0 holds what took up to a millisecond, bucket n what took up to 1.25ⁿ ms. */
export const bucketOf = (ms: number): number =>
  ms > 1 ? Math.min(LAST, Math.ceil(Math.log(ms) / Math.log(RATIO))) : 0;

/** What stands for all latencies of a bucket, in milliseconds: the middle of its ends, as factors. */
export const latencyOf = (bucket: number): number => (bucket === 0 ? 1 : Math.round(RATIO ** (bucket - 0.5) * 10) / 10);
