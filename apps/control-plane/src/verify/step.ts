import type { VerifyCause, VerifyStep } from '@sallyport/admin-api';

/** What one look brought. */
export interface Finding {
  readonly status: VerifyStep['status'];
  readonly cause?: VerifyCause;
  /** What was seen, free of secrets. */
  readonly detail: string;
}

/** Something to look at. */
export interface Check {
  readonly step: string;
  readonly subject: string;
  run(): Promise<Finding | readonly Finding[]>;
}

export const passed = (detail: string): Finding => ({ status: 'passed', detail });
export const failed = (cause: VerifyCause, detail: string): Finding => ({ status: 'failed', cause, detail });
export const warned = (cause: VerifyCause, detail: string): Finding => ({ status: 'warned', cause, detail });
export const skipped = (cause: VerifyCause, detail: string): Finding => ({ status: 'skipped', cause, detail });

/** A check that waits for nobody. */
export const look = (step: string, subject: string, findings: () => Finding | readonly Finding[]): Check => ({
  step,
  subject,
  run: async () => findings(),
});
