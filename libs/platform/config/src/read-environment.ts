import { SallyportError } from '@sallyport/kernel';
import type { z } from 'zod';

export interface ReadEnvironmentOptions {
  /** Variables that start with this are ours: one that the schema does not know fails the start. */
  readonly prefix: string;
}

/**
 * Reads one process's configuration from its environment. An empty variable counts as unset.
 * @throws SallyportError `configuration_invalid`, one line per bad variable; a variable's value is never repeated.
 */
export function readEnvironment<Schema extends z.ZodObject>(
  schema: Schema,
  env: Readonly<Record<string, string | undefined>>,
  { prefix }: ReadEnvironmentOptions,
): z.infer<Schema> {
  const known = new Set(Object.keys(schema.shape));
  const problems: string[] = [];
  const input: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value === '') continue;
    if (known.has(name)) input[name] = value;
    else if (name.startsWith(prefix)) problems.push(`${name} is not a setting of this process${hint(name, known)}`);
  }
  const result = schema.safeParse(input);
  if (!result.success) {
    for (const issue of result.error.issues) {
      const name = issue.path.map(String).join('.') || 'environment';
      problems.push(
        issue.code === 'invalid_type' && input[name] === undefined && known.has(name)
          ? `${name} is required`
          : `${name}: ${issue.message}`,
      );
    }
  }
  if (problems.length > 0 || !result.success) {
    throw new SallyportError(
      'configuration_invalid',
      `The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    );
  }
  return result.data;
}

function hint(name: string, known: ReadonlySet<string>): string {
  const nearest = [...known]
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  return nearest && nearest.distance <= 3 ? ` (did you mean ${nearest.candidate}?)` : '';
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
