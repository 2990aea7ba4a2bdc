import { SallyportError } from '@sallyport/kernel';
import type { z } from 'zod';

export interface ReadEnvironmentOptions {
  /** The prefix of our variables. A variable with it that the schema does not know fails the start. */
  readonly prefix: string;
}

/** Variables that other programs read, too, with the lower-case name first. */
const EITHER_CASE: ReadonlySet<string> = new Set(['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY']);

/** Variables of the command line (`apps/cli`): a shell in which somebody administers may start a process as well. */
const OF_THE_COMMAND_LINE: ReadonlySet<string> = new Set([
  'SALLYPORT_URL',
  'SALLYPORT_CONTEXT',
  'SALLYPORT_ADMIN_TOKEN_FILE',
  'SALLYPORT_CLIENT_ID',
  'SALLYPORT_CLIENT_KEY_FILE',
  'SALLYPORT_CLIENT_ASSERTION_FILE',
]);

/**
 * Reads the environment of a process. An empty variable counts as unset.
 * @throws SallyportError `configuration_invalid`, with one line for each bad variable and no variable's value
 */
export function readEnvironment<Schema extends z.ZodObject>(
  schema: Schema,
  env: Readonly<Record<string, string | undefined>>,
  { prefix }: ReadEnvironmentOptions,
): z.infer<Schema> {
  const known = new Set(Object.keys(schema.shape));
  const problems: string[] = [];
  const input: Record<string, string> = {};
  const written = (name: string): string =>
    EITHER_CASE.has(name) && env[name.toLowerCase()] ? name.toLowerCase() : name;
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value === '' || known.has(name) || OF_THE_COMMAND_LINE.has(name)) continue;
    if (name.startsWith(prefix)) problems.push(`${name} is not a setting of this process${hint(name, known)}`);
  }
  for (const name of known) {
    const value = env[written(name)];
    if (value !== undefined && value !== '') input[name] = value;
  }
  const result = schema.safeParse(input);
  if (!result.success) {
    for (const issue of result.error.issues) {
      const name = issue.path.map(String).join('.') || 'environment';
      problems.push(
        issue.code === 'invalid_type' && input[name] === undefined && known.has(name)
          ? `${name} is required`
          : `${written(name)}: ${issue.message}`,
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
