import { KINDS, schemaOf } from '@sallyport/declaration';
import type { Command } from 'commander';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CliError } from '../cli-error.js';
import { act, type Run } from '../context.js';
import { EXIT } from '../exit-code.js';

export function addSchemaCommand(program: Command, run: Run): void {
  program
    .command('schema')
    .description('Print the JSON Schema of the documents, or of one kind, for editors and checkers')
    .argument('[kind]', 'A kind, such as AccessPolicy; any document unless said')
    .option('--out <folder>', 'Write a file for each kind, and documents.json for any, into a folder')
    .option('--list', 'List the kinds')
    .action(
      act<[string | undefined], { out?: string; list?: true }>(
        run,
        async ({ output, world }, { args: [kind], options }) => {
          if (options.list === true) {
            for (const one of KINDS) output.one('kind', { kind: one }, () => [one]);
            return;
          }
          if (options.out !== undefined) {
            const folder = resolve(world.directory, options.out);
            const files = await writeSchemas(folder);
            output.one('schemas', { folder, files }, () => [`Wrote ${files.length} schemas to ${folder}.`]);
            return;
          }
          const schema = knownSchemaOf(kind);
          output.one('schema', schema, () => [JSON.stringify(schema, null, 2)]);
        },
      ),
    );
}

/** @throws CliError for a kind that does not exist */
function knownSchemaOf(kind: string | undefined): object {
  const schema = schemaOf(kind);
  if (schema !== undefined) return schema;
  throw new CliError(EXIT.invalid, `There is no kind ${kind}.`, [`There are: ${KINDS.join(', ')}.`]);
}

async function writeSchemas(folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const files = [
    ['documents.json', knownSchemaOf(undefined)] as const,
    ...KINDS.map((kind) => [`${kind}.json`, knownSchemaOf(kind)] as const),
  ];
  for (const [name, schema] of files) await writeFile(join(folder, name), `${JSON.stringify(schema, null, 2)}\n`);
  return files.map(([name]) => name);
}
