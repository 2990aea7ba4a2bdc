import { documentKey, type Document } from '@sallyport/configuration';
import { problemsOf, secretSourcesOf, warningsOf } from '@sallyport/declaration';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { World } from '../world.js';
import type { SecretPlace, SecretPlaces } from './gather-secrets.js';
import { parseFile, type LocatedDocument, type Mistake } from './parse-file.js';
import { readFiles, SET_FILE, type SourceFile } from './read-files.js';

/** Documents kept as code, each valid in itself. */
export interface ConfigurationSet {
  /** Who owns them: a named set, or `null` for what is written by hand. */
  readonly set: string | null;
  readonly documents: readonly Document[];
  readonly files: readonly SourceFile[];
  /** Where the values of their secrets are read on this machine. */
  readonly secrets: SecretPlaces;
  /** `policies.yaml:12` */
  originOf(document: Document): string;
  /** The same with the column, of a field such as `spec.url`; `undefined` where the document is in no file. */
  locateField(document: { readonly kind: string; readonly name: string }, field: string): string | undefined;
  /** What is wrong with them as a whole: names taken twice, references to what is not there. */
  problems(): Mistake[];
  /** What is valid, and will not do what its author expects. */
  warnings(): Mistake[];
}

const MOST_MISTAKES = 50;

/**
 * Reads a set from a folder, a file or standard input. What its documents say of each other is not looked at: some of
 * what they refer to may belong to another set, and only the system has them all.
 * @throws CliError that says every mistake with file, line, column and field
 */
export async function readSet(world: World, path: string, given: { readonly set?: string }): Promise<ConfigurationSet> {
  const { files, setFile } = await readFiles(world, path);
  const read = files.map(parseFile);
  const mistakes = read.flatMap((one) => one.mistakes);
  const located = read.flatMap((one) => one.documents);
  if (located.length === 0 && mistakes.length === 0)
    throw new CliError(EXIT.invalid, `${path} holds no document.`, ['A document has a kind, a name and a spec.']);
  if (mistakes.length > 0) throw invalidSet(mistakes);
  const documents = located.map(({ document }) => document);
  const byDocument = new Map(located.map((one) => [one.document, one]));
  const byKey = new Map(located.map((one) => [documentKey(one.document), one]));
  const atKey = (of: Pick<Document, 'kind' | 'name'>, field: string): string =>
    byKey.get(documentKey(of))?.at(pathOf(field)) ?? path;
  return {
    set: given.set ?? setNamedBy(setFile),
    documents,
    files,
    secrets: secretPlacesOf(located),
    originOf: (document) => (byDocument.get(document)?.at([]) ?? path).replace(/:\d+$/, ''),
    locateField: ({ kind, name }, field) => byKey.get(`${kind}/${name}`)?.at(pathOf(field)),
    problems: () =>
      problemsOf(documents).map(({ document, path: field, message }) => ({
        at: byDocument.get(document)?.at(field) ?? path,
        message: `${document.kind} "${document.name}": ${field.join('.')} ${message}`,
      })),
    warnings: () =>
      warningsOf(documents).map(({ document, field, message }) => ({
        at: atKey(document, field),
        message: `${document.kind} "${document.name}": ${field}: ${message}`,
      })),
  };
}

export function invalidSet(mistakes: readonly Mistake[]): CliError {
  const lines = mistakes.map(({ at, message }) => `${at} ${message}`);
  const more = lines.length > MOST_MISTAKES ? [`and ${lines.length - MOST_MISTAKES} more`] : [];
  return new CliError(EXIT.invalid, 'The configuration is not valid:', [...lines.slice(0, MOST_MISTAKES), ...more]);
}

const pathOf = (field: string): (string | number)[] =>
  field.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));

/** A relative path of a secret file is meant from the file that names it. */
function secretPlacesOf(located: readonly LocatedDocument[]): SecretPlaces {
  const places = located.flatMap(({ document, file }) =>
    secretSourcesOf(document).flatMap(({ name, source }): [string, SecretPlace][] => {
      if ('env' in source) return [[name, { env: source.env }]];
      return 'file' in source ? [[name, { file: resolve(file.folder, source.file) }]] : [];
    }),
  );
  return Object.fromEntries(places);
}

const SetFile = z.strictObject({
  set: z
    .string()
    .max(64)
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
});

export function setNamedBy(file: SourceFile | undefined): string | null {
  if (file === undefined) return null;
  const read = SetFile.safeParse(parse(file.text));
  if (read.success) return read.data.set;
  throw new CliError(EXIT.invalid, `${file.name} does not name a set.`, [
    `${SET_FILE} holds one line: \`set: platform\`, in lower-case letters, digits and single hyphens.`,
  ]);
}
