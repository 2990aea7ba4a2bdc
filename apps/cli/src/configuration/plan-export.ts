import { documentKey, type Document } from '@sallyport/configuration';
import { mergeIntoText, renderDocuments } from '@sallyport/declaration';
import { resolve } from 'node:path';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { World } from '../world.js';
import { parseFile } from './parse-file.js';
import { nameSeenFrom, readFiles, SET_FILE, type SourceFile } from './read-files.js';
import { invalidSet, setNamedBy } from './read-set.js';

/** A document that is in force, and the set that owns it. */
export interface Exported {
  readonly document: Document;
  readonly owner: string | null;
}

/** What becomes of a file; `text` is empty for one that goes. */
export interface FileChange {
  readonly action: 'create' | 'update' | 'delete';
  /** As seen from where the command was typed. */
  readonly file: string;
  readonly text: string;
}

export interface ExportRequest {
  readonly stored: readonly Exported[];
  /** `null`: what is written by hand; `undefined`: what the folder says, or everything for a new folder. */
  readonly set: string | null | undefined;
  /** Whether the folder is not there, or has nothing. */
  readonly isNew: boolean;
}

/** The name of a file of the folder, as seen from where the command was typed. */
type PlaceOf = (name: string) => string;

/**
 * Says what files a folder is to have so that it says what is in force. Each document stays in the file it stands in; a
 * new one goes where its kind stands already.
 * @throws CliError for a folder whose files are another's, or not readable: nothing is written then
 */
export async function planExport(
  world: World,
  folder: string,
  { stored, set, isNew }: ExportRequest,
): Promise<{ readonly changes: readonly FileChange[]; readonly documents: number }> {
  const placeOf: PlaceOf = (name) => nameSeenFrom(world.directory, resolve(world.directory, folder, name));
  if (isNew) {
    const documents = stored.filter(({ owner }) => set === undefined || owner === set).map(({ document }) => document);
    return { changes: newFolder(placeOf, documents, set ?? undefined), documents: documents.length };
  }
  const { files, setFile } = await readFiles(world, folder);
  const named = ownerOf(folder, setFile, set);
  const documents = stored.filter(({ owner }) => owner === named).map(({ document }) => document);
  if (documents.length === 0)
    throw new CliError(EXIT.invalid, `Nothing is in force of ${titleOf(named)}: ${folder} would lose its documents.`, [
      'Is it the right system? sallyport whoami',
    ]);
  const read = files.map((file) => ({ file, ...parseFile(file) }));
  const mistakes = read.flatMap((one) => one.mistakes);
  if (mistakes.length > 0) throw invalidSet(mistakes);
  const standing = read.map(({ file, documents: of }) => ({ file, keys: of.map(({ document }) => document) }));
  refuseForeign(standing, stored, named);
  return { changes: mergedFiles(placeOf, standing, documents), documents: documents.length };
}

function newFolder(placeOf: PlaceOf, documents: readonly Document[], set: string | undefined): FileChange[] {
  const kinds = [...Map.groupBy(documents, ({ kind }) => kind)];
  const files = kinds.map(([kind, of]): FileChange => ({
    action: 'create',
    file: placeOf(fileOf(kind)),
    text: renderDocuments(of),
  }));
  if (set === undefined) return files;
  return [...files, { action: 'create', file: placeOf(SET_FILE), text: `set: ${set}\n` }];
}

/** @throws CliError where it is not known, or another than the folder names */
function ownerOf(folder: string, setFile: SourceFile | undefined, set: string | null | undefined): string | null {
  const named = setFile && setNamedBy(setFile);
  if (named === undefined && set === undefined)
    throw new CliError(EXIT.invalid, `${folder} is not empty, and does not say which set it is.`, [
      `Say it with --set, or in ${folder}/${SET_FILE}; or export to a new folder.`,
    ]);
  if (named !== undefined && set !== undefined && named !== set)
    throw new CliError(EXIT.invalid, `${folder} is the set ${named}, not ${titleOf(set)}.`, [
      'Export to a new folder.',
    ]);
  return named ?? set ?? null;
}

const titleOf = (set: string | null): string => (set === null ? 'what is written by hand' : `the set ${set}`);

interface StandingFile {
  readonly file: SourceFile;
  readonly keys: readonly Document[];
}

/** @throws CliError for a file with a document that another set owns: the file is not of this one */
function refuseForeign(files: readonly StandingFile[], stored: readonly Exported[], set: string | null): void {
  const owners = new Map(stored.map(({ document, owner }) => [documentKey(document), owner]));
  const foreign = files.flatMap(({ file, keys }) =>
    keys.flatMap((document) => {
      const owner = owners.get(documentKey(document));
      if (owner === undefined || owner === set) return [];
      return [`${file.name} has ${document.kind} "${document.name}", of ${titleOf(owner)}`];
    }),
  );
  if (foreign.length > 0)
    throw new CliError(EXIT.conflict, `Files are not of ${titleOf(set)}, and nothing was written:`, foreign);
}

function mergedFiles(placeOf: PlaceOf, files: readonly StandingFile[], documents: readonly Document[]): FileChange[] {
  const fileOfKey = new Map<string, string>();
  const fileOfKind = new Map<string, string>();
  for (const { file, keys } of files)
    for (const document of keys) {
      if (!fileOfKey.has(documentKey(document))) fileOfKey.set(documentKey(document), file.name);
      fileOfKind.set(document.kind, file.name);
    }
  const target = (document: Document): string =>
    fileOfKey.get(documentKey(document)) ?? fileOfKind.get(document.kind) ?? placeOf(fileOf(document.kind));
  const byFile = Map.groupBy(documents, target);
  const known = new Map(files.map(({ file }) => [file.name, file.text]));
  const merged = [...new Set([...known.keys(), ...byFile.keys()])].map((file): FileChange | undefined => {
    const [old, of] = [known.get(file), byFile.get(file)];
    if (old === undefined) return { action: 'create', file, text: renderDocuments(of ?? []) };
    const text = mergeIntoText(old, of ?? []);
    if (text === old) return undefined;
    return of === undefined ? { action: 'delete', file, text: '' } : { action: 'update', file, text };
  });
  return merged.filter((change) => change !== undefined);
}

/** `AccessPolicy` → `access-policy.yaml` */
const fileOf = (kind: string): string => `${kind.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}.yaml`;
