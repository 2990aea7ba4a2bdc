import { Document } from '@sallyport/configuration';
import type { z } from 'zod';
import type { Path, Problem } from './problems/check.js';

/**
 * Reads one document out of what somebody wrote, as JSON or as YAML, and says of each field what is wrong with it. What
 * it needs of other documents is `problemsOf`'s.
 */
export function checkDocument(
  value: unknown,
): { readonly document: Document } | { readonly problems: readonly Problem[] } {
  const problems = unstorable(value).map((path) => ({
    path,
    message: 'holds a character that is no text: remove it',
  }));
  const result = Document.safeParse(value);
  if (!result.success) problems.push(...result.error.issues.flatMap((issue) => explain(issue, value)));
  return result.success && problems.length === 0 ? { document: result.data } : { problems };
}

/** Where a text has what PostgreSQL stores in no JSON: NUL, or half of a surrogate pair. */
function unstorable(value: unknown, path: Path = [], found: Path[] = []): Path[] {
  if (typeof value === 'string') {
    if (value.includes('\u0000') || !value.isWellFormed()) found.push(path);
  } else if (typeof value === 'object' && value !== null && path.length <= 32) {
    for (const [key, part] of Object.entries(value))
      unstorable(part, [...path, Array.isArray(value) ? Number(key) : key], found);
  }
  return found;
}

const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

/** What an issue says, in words that help to mend it. */
function explain(issue: z.core.$ZodIssue, value: unknown): { path: Path; message: string }[] {
  const path = issue.path.filter((part): part is string | number => typeof part !== 'symbol');
  const given = at(value, path);
  const missing = given === undefined;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: 'is not a field here: correct its spelling or remove it',
      }));
    case 'invalid_union': {
      const options = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : undefined;
      if (options)
        return [
          {
            path,
            message: `${missing ? 'is required: add' : `is \`${shown(given)}\`, must be`} one of ${options.join(', ')}`,
          },
        ];
      if (path.at(-1) === 'clientSecret' || path.at(-1) === 'clientKey')
        return [{ path, message: 'is never written here: name where to read it, as { env: NAME } or { file: path }' }];
      return [{ path, message: issue.message }];
    }
    case 'invalid_type':
      return [
        {
          path,
          message: missing ? `is required: add it (${issue.expected})` : `must be ${withArticle(issue.expected)}`,
        },
      ];
    case 'invalid_value':
      return [
        {
          path,
          message:
            `${missing ? 'is required: add' : `is \`${shown(given)}\`, must be`} ` +
            `${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`,
        },
      ];
    case 'too_big':
      return [{ path, message: `is too long or too large: at most ${issue.maximum}` }];
    case 'too_small':
      return [{ path, message: `is too short or too small: at least ${issue.minimum}` }];
    default:
      return [{ path, message: issue.message }];
  }
}

const withArticle = (type: string) =>
  type === 'object' ? 'a mapping (`field: value`)' : type === 'array' ? 'a list' : `a ${type}`;

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (part, key) =>
      typeof part === 'object' && part !== null ? (part as Record<string | number, unknown>)[key] : undefined,
    value,
  );
}
