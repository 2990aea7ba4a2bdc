import { Document } from '@sallyport/configuration';
import type { Command } from 'commander';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CliError } from '../cli-error.js';
import { SET_FILE } from '../configuration/read-files.js';
import { readStored } from '../configuration/read-stored.js';
import { yamlOf } from '../configuration/yaml-of.js';
import { act, type Run } from '../context.js';
import { EXIT } from '../exit-code.js';

export function addExportCommand(program: Command, run: Run): void {
  program
    .command('export')
    .description('Print the documents that are in force as YAML, secrets as references, in a stable order')
    .argument('[folder]', 'A new or empty folder: a file for each kind, and the name of the set')
    .option('--set <name>', 'Of one set')
    .option('--by-hand', 'Only those that no set owns')
    .action(
      act<[string | undefined], { set?: string; byHand?: true }>(
        run,
        async ({ client, output, world }, { args: [folder], options }) => {
          const which = options.byHand === true ? null : options.set;
          const documents = (await readStored(await client(), which)).map(({ kind, name, spec }) =>
            Document.parse({ kind, name, spec }),
          );
          if (folder === undefined) {
            for (const one of documents) output.record('document', one);
            output.say(documents.map(yamlOf).join('---\n').trimEnd());
            return;
          }
          const files = await writeFolder(resolve(world.directory, folder), documents, options.set);
          output.one('exported', { folder, files, documents: documents.length }, () => [
            `Wrote ${documents.length} documents to ${files.length} files in ${folder}.`,
          ]);
        },
      ),
    );
}

/** @throws CliError for a folder that has something: what somebody wrote there is not written over */
async function writeFolder(folder: string, documents: readonly Document[], set: string | undefined): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).some((name) => !name.startsWith('.')))
    throw new CliError(EXIT.invalid, `${folder} is not empty.`, [
      'Export to a new folder, and compare: sallyport diff',
    ]);
  const kinds = Map.groupBy(documents, ({ kind }) => kind);
  const files = [...kinds].map(([kind, of]) => [`${fileOf(kind)}.yaml`, of.map(yamlOf).join('---\n')] as const);
  const named = set === undefined ? files : [...files, [SET_FILE, `set: ${set}\n`] as const];
  for (const [name, text] of named) await writeFile(join(folder, name), text, { flag: 'wx' });
  return named.map(([name]) => name);
}

/** `AccessPolicy` → `access-policy` */
const fileOf = (kind: string): string => kind.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
