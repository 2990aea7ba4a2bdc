import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { World } from '../world.js';

/** A file of a set, by the name in which people are told of it. */
export interface SourceFile {
  /** As seen from where the command was typed, e.g. `config/policies.yaml`. */
  readonly name: string;
  /** The folder that relative paths in it are meant from. */
  readonly folder: string;
  readonly text: string;
}

/** Says which set a folder is; in the folder itself. */
export const SET_FILE = 'sallyport.set.yaml';

const YAML = /\.ya?ml$/;
const MAX_FILES = 5_000;
const MAX_BYTES = 32 * 1024 * 1024;

/**
 * Reads the YAML files of a folder and those below it in the order of their names, or one file, or standard input.
 * What begins with a dot, and `node_modules`, is left out.
 * @returns the files, and what the folder says of its set, if it does
 * @throws CliError for what is not there, or is more than a configuration can be
 */
export async function readFiles(
  world: World,
  path: string,
): Promise<{ readonly files: readonly SourceFile[]; readonly setFile: SourceFile | undefined }> {
  if (path === '-') {
    const text = await world.readStdin();
    return { files: [{ name: 'standard input', folder: world.directory, text }], setFile: undefined };
  }
  const root = resolve(world.directory, path);
  const found = await stat(root).catch(() => undefined);
  if (found === undefined) throw new CliError(EXIT.invalid, `${path} is not there.`, ['Name a folder or a YAML file.']);
  if (found.isFile()) return { files: [await sourceFile(world, root)], setFile: undefined };
  const paths = await yamlFilesIn(root);
  if (paths.length === 0) throw new CliError(EXIT.invalid, `${path} holds no YAML file.`);
  const read = await Promise.all(paths.map((one) => sourceFile(world, one)));
  if (read.reduce((sum, { text }) => sum + text.length, 0) > MAX_BYTES)
    throw new CliError(EXIT.invalid, `${path} holds more than 32 MiB of YAML.`);
  const setPath = join(root, SET_FILE);
  return {
    files: read.filter((_, at) => paths[at] !== setPath),
    setFile: read.find((_, at) => paths[at] === setPath),
  };
}

async function yamlFilesIn(root: string): Promise<string[]> {
  const paths: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await walk(path);
      else if (YAML.test(entry.name)) paths.push(path);
      if (paths.length > MAX_FILES)
        throw new CliError(EXIT.invalid, `${root} holds more than ${MAX_FILES} YAML files.`);
    }
  };
  await walk(root);
  return paths;
}

async function sourceFile({ directory }: World, path: string): Promise<SourceFile> {
  return { name: nameSeenFrom(directory, path), folder: resolve(path, '..'), text: await readFile(path, 'utf8') };
}

/** The name by which people are told of a file: relative, unless it is far off. */
export function nameSeenFrom(directory: string, path: string): string {
  const seen = relative(directory, path);
  return seen.startsWith('../../') ? path : seen;
}
