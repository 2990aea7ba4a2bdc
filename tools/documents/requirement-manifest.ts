import { z } from 'zod';

/** apps/e2e/requirements.json: every requirement, and of those not built why and where they will be. */
export const RequirementManifest = z.strictObject({
  requirements: z.record(
    z.string().regex(/^[RBS]\d+$/),
    z.union([
      z.strictObject({ title: z.string().min(1), gap: z.string().min(1), milestone: z.string().min(1) }),
      z.strictObject({
        title: z.string().min(1),
        /** Covered in part: what is still to come. */ remaining: z.string().min(1).optional(),
      }),
    ]),
  ),
  nonGoals: z.record(z.string().regex(/^N\d+$/), z.string().min(1)),
});
export type RequirementManifest = z.infer<typeof RequirementManifest>;

/** A string literal followed by a comma and a function or options: the title of a test or a group of them. */
const title = /(['"`])((?:\\.|(?!\1)[^\\])*)\1\s*,\s*(?:async\b|function\b|\(|\{|\w+\s*=>)/g;

/** Ids cited in parentheses in the titles of a test file: `(R30)`, `(S5, S6)`. */
export function citedIds(source: string): string[] {
  return [...source.matchAll(title)]
    .flatMap(([, , text = '']) => [...text.matchAll(/\(([^()]*)\)/g)])
    .flatMap(([, inside = '']) => inside.match(/\b[RBS]\d+\b/g) ?? []);
}

/** What is wrong between the manifest and the tests, one sentence each. @param cited id → files that cite it */
export function manifestFaults(
  { requirements }: RequirementManifest,
  cited: ReadonlyMap<string, readonly string[]>,
): string[] {
  const unknown = [...cited]
    .filter(([id]) => !(id in requirements))
    .map(([id, files]) => `${id} is cited in ${files.join(', ')} and is no requirement`);
  const states = Object.entries(requirements).flatMap(([id, requirement]) => {
    const files = cited.get(id);
    if ('gap' in requirement)
      return files === undefined
        ? []
        : [`${id} is listed as a gap and has a test in ${files.join(', ')}: strike the gap`];
    return files === undefined ? [`${id} has neither a test nor an entry as a gap`] : [];
  });
  return [...unknown, ...states];
}

export function renderRequirements({ requirements, nonGoals }: RequirementManifest): string {
  const rows = (prefix: string) =>
    Object.entries(requirements)
      .filter(([id]) => id.startsWith(prefix))
      .map(
        ([id, one]) =>
          `| ${id} | ${one.title} | ${'gap' in one ? `open (${one.milestone}): ${one.gap}` : one.remaining === undefined ? 'covered' : `covered; to come: ${one.remaining}`} |`,
      );
  const table = (prefix: string) => ['| id | what | state |', '|---|---|---|', ...rows(prefix)];
  return [
    '# Requirements',
    '',
    'What Sallyport does, one testable line each. Tests cite the ids in their titles; this page is made from',
    '`apps/e2e/requirements.json` (`npm test -- unit tools/documents -u` after an edit), and a test fails when a line has',
    'neither a test nor a stated gap, when a gap has a test, and when a test cites an id that is not here.',
    '',
    '## The product',
    '',
    ...table('R'),
    '',
    '## Beyond the ordinary',
    '',
    ...table('B'),
    '',
    '## Security rules',
    '',
    ...table('S'),
    '',
    '## Not goals',
    '',
    ...Object.entries(nonGoals).map(([id, text]) => `- ${id} ${text}`),
    '',
  ].join('\n');
}
