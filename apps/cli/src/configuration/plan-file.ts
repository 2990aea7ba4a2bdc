import { ChangeSetRequest } from '@sallyport/admin-api';
import { Plan } from '@sallyport/declaration';
import { z } from 'zod';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import { SecretPlace } from './gather-secrets.js';

/**
 * A plan that was looked at, to be carried out as it is. It names where secrets are read and holds none; the base in it
 * makes a change in between a conflict.
 */
const PlanFile = z.object({
  type: z.literal('sallyport-plan'),
  version: z.literal(1),
  /** Of the control plane that made it. */
  url: z.string(),
  plan: Plan,
  changeSet: ChangeSetRequest.omit({ secrets: true }),
  secrets: z.record(z.string(), SecretPlace),
});
export type PlanFile = z.infer<typeof PlanFile>;

export const writePlanFile = (file: Omit<PlanFile, 'type' | 'version'>): string =>
  `${JSON.stringify({ type: 'sallyport-plan', version: 1, ...file } satisfies PlanFile)}\n`;

/**
 * @returns `undefined` for a text that is no saved plan
 * @throws CliError for one that is of another version or broken
 */
export function readPlanFile(text: string, file: string): PlanFile | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  const value = parsed(text);
  if (typeof value !== 'object' || value === null || !('type' in value) || value.type !== 'sallyport-plan')
    return undefined;
  const read = PlanFile.safeParse(value);
  if (read.success) return read.data;
  throw new CliError(EXIT.invalid, `${file} is no plan that this version can carry out.`, ['Plan again.']);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
