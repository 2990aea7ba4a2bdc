import { Document } from '@sallyport/configuration';
import { renderDocuments } from '@sallyport/declaration';
import type { Command } from 'commander';
import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { planExport, type Exported, type FileChange } from '../configuration/plan-export.js';
import { readStored } from '../configuration/read-stored.js';
import { writeExport } from '../configuration/write-export.js';
import { act, type Run } from '../context.js';

const SIGN = { create: '+', update: '~', delete: '-' } as const;

export function addExportCommand(program: Command, run: Run): void {
  program
    .command('export')
    .description('Print the documents that are in force as YAML, or write them to files, secrets as references')
    .argument('[folder]', 'A folder, new or of the set: its files keep their comments, and where each document stands')
    .option('--set <name>', 'Of one set; of the one that sallyport.set.yaml of the folder names, unless said')
    .option('--by-hand', 'Only those that no set owns')
    .action(
      act<[string | undefined], { set?: string; byHand?: true }>(
        run,
        async ({ client, output, world }, { args: [folder], options }) => {
          const stored = (await readStored(await client())).map(({ kind, name, spec, metadata }): Exported => ({
            document: Document.parse({ kind, name, spec }),
            owner: metadata.set,
          }));
          const set = options.byHand === true ? null : options.set;
          if (folder === undefined) {
            const documents = stored.filter(({ owner }) => set === undefined || owner === set);
            for (const { document } of documents) output.record('document', document);
            output.say(renderDocuments(documents.map(({ document }) => document)).trimEnd());
            return;
          }
          const isNew = await isNewOrEmpty(resolve(world.directory, folder));
          const { changes, documents } = await planExport(world, folder, { stored, set, isNew });
          await writeExport(world, changes);
          for (const { action, file } of changes)
            output.one('file', { action, file }, () => [`${SIGN[action]} ${file}`]);
          output.one('exported', { folder, files: changes.map(nameOf), documents }, () => [
            summary(changes, documents),
          ]);
        },
      ),
    );
}

const nameOf = ({ file }: FileChange): string => file;

const summary = ({ length }: readonly FileChange[], documents: number): string =>
  `Exported ${documents} documents: ${length} ${length === 1 ? 'file changes' : 'files change'}.`;

async function isNewOrEmpty(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).every((name) => name.startsWith('.'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return true;
    throw error;
  }
}
