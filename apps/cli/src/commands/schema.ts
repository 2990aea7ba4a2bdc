import { Document } from '@sallyport/configuration';
import type { Command } from 'commander';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
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
            for (const one of KINDS.keys()) output.one('kind', { kind: one }, () => [one]);
            return;
          }
          if (options.out !== undefined) {
            const folder = resolve(world.directory, options.out);
            const files = await writeSchemas(folder);
            output.one('schemas', { folder, files }, () => [`Wrote ${files.length} schemas to ${folder}.`]);
            return;
          }
          const schema = schemaOf(kind);
          output.one('schema', schema, () => [JSON.stringify(schema, null, 2)]);
        },
      ),
    );
}

const KINDS: ReadonlyMap<string, z.ZodType> = new Map(
  Document.options.map((option) => [option.shape.kind.value, option] as const),
);

/** @throws CliError for a kind that does not exist */
function schemaOf(kind: string | undefined): object {
  const schema = kind === undefined ? Document : KINDS.get(kind);
  if (schema === undefined)
    throw new CliError(EXIT.invalid, `There is no kind ${kind}.`, [`There are: ${[...KINDS.keys()].join(', ')}.`]);
  return {
    title: kind === undefined ? 'A document of Sallyport' : `${kind} of Sallyport`,
    ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }),
  };
}

async function writeSchemas(folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const files = [
    ['documents.json', schemaOf(undefined)] as const,
    ...[...KINDS.keys()].map((kind) => [`${kind}.json`, schemaOf(kind)] as const),
  ];
  for (const [name, schema] of files) await writeFile(join(folder, name), `${JSON.stringify(schema, null, 2)}\n`);
  return files.map(([name]) => name);
}
