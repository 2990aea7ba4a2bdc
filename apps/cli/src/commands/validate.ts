import type { Command } from 'commander';
import { invalidSet, readSet } from '../configuration/read-set.js';
import { act, type Run } from '../context.js';

export function addValidateCommand(program: Command, run: Run): void {
  program
    .command('validate')
    .description('Check files without any system: syntax, schema, references, and what can never work')
    .argument('<folder>', 'A folder of YAML files, a file, or - for standard input')
    .option('--partial', 'Other sets hold documents that these refer to: what is missing here is a warning')
    .action(
      act<[string], { partial?: true }>(run, async ({ world, output }, { args: [path], options }) => {
        const set = await readSet(world, path, {});
        const problems = set.problems();
        if (problems.length > 0 && options.partial !== true) throw invalidSet(problems);
        const warnings = [...problems, ...set.warnings()];
        for (const warning of warnings) {
          output.record('warning', warning);
          if (!output.isJson) output.warn(`${warning.at} ${warning.message}`);
        }
        const { length: documents } = set.documents;
        const { length: files } = set.files;
        output.one('valid', { documents, files, warnings: warnings.length }, () => [
          `Valid: ${counted(documents, 'document')} in ${counted(files, 'file')}.`,
        ]);
      }),
    );
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
