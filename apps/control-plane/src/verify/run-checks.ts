import type { VerifyStep } from '@sallyport/admin-api';
import { fixOf } from './causes.js';
import { failed, skipped, type Check, type Finding } from './step.js';

export interface RunOptions {
  /** A check that takes longer is given up: it is told, and left out. */
  readonly perCheckMs: number;
  /** What has not begun by then is left out. */
  readonly totalMs: number;
  readonly atOnce: number;
  readonly onFailed: (check: Check, error: unknown) => void;
}

const RANK = { failed: 0, warned: 1, skipped: 2, passed: 3 } as const;

/** Runs checks side by side, within a time that is bounded whatever they meet. Those that failed come first. */
export async function runChecks(checks: readonly Check[], options: RunOptions): Promise<VerifyStep[]> {
  const results = new Map<Check, readonly Finding[]>();
  const waiting = checks.values();
  const ends = performance.now() + options.totalMs;
  const worker = async (): Promise<void> => {
    for (const check of waiting) results.set(check, await runOne(check, ends, options));
  };
  await Promise.all(Array.from({ length: options.atOnce }, worker));
  return checks
    .flatMap((check) => (results.get(check) ?? []).map((finding) => asStep(check, finding)))
    .toSorted((a, b) => RANK[a.status] - RANK[b.status]);
}

async function runOne(check: Check, ends: number, { perCheckMs, onFailed }: RunOptions): Promise<readonly Finding[]> {
  // A timer counts whole milliseconds, and may end within the last of them.
  const leftMs = Math.ceil(Math.min(perCheckMs, ends - performance.now()));
  if (leftMs <= 1) return [skipped('out_of_time', 'There was no time left for it.')];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(() => resolve(failed('timed_out', 'Nothing came in time.')), leftMs);
  });
  try {
    return [await Promise.race([check.run(), late])].flat();
  } catch (error) {
    onFailed(check, error);
    return [failed('check_failed', 'The check itself failed; the log of the control plane has the reason.')];
  } finally {
    clearTimeout(timer);
  }
}

const asStep = ({ step, subject }: Check, { status, cause, detail }: Finding): VerifyStep => ({
  step,
  subject,
  status,
  cause: cause ?? null,
  detail,
  fix: cause === undefined ? null : fixOf(cause),
});
