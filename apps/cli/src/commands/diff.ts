import { Document, documentKey } from '@sallyport/configuration';
import { createTwoFilesPatch } from 'diff';
import type { Command } from 'commander';
import { readSet } from '../configuration/read-set.js';
import { readStored } from '../configuration/read-stored.js';
import { yamlOf } from '../configuration/yaml-of.js';
import { act, type Run } from '../context.js';
import { EXIT } from '../exit-code.js';
import { printable } from '../terminal/printable.js';
import type { Style } from '../terminal/paint.js';

export function addDiffCommand(program: Command, run: Run): void {
  program
    .command('diff')
    .description('Show where files and what is in force differ, as text; what files leave out is shown as removed')
    .argument('<folder>', 'A folder of YAML files, a file, or - for standard input')
    .option('--set <name>', 'The set that the documents belong to; sallyport.set.yaml of the folder unless said')
    .option('--exit-code', 'End with 2 when they differ')
    .action(
      act<[string], { set?: string; exitCode?: true }>(run, async (context, { args: [path], options }) => {
        const { world, output } = context;
        const set = await readSet(world, path, options);
        const stored = await readStored(await context.client());
        const here = new Map(set.documents.map((document) => [documentKey(document), document]));
        const there = new Map(
          stored
            .filter((one) => one.metadata.set === set.set || here.has(`${one.kind}/${one.name}`))
            .map(({ kind, name, spec }) => [`${kind}/${name}`, Document.parse({ kind, name, spec })]),
        );
        const keys = [...new Set([...there.keys(), ...here.keys()])].toSorted();
        let differences = 0;
        for (const key of keys) {
          const [before, after] = [there.get(key), here.get(key)].map((one) => (one === undefined ? '' : yamlOf(one)));
          if (before === after) continue;
          differences++;
          const at = after === '' ? '/dev/null' : set.locateField(here.get(key) ?? { kind: '', name: '' }, 'kind');
          const patch = createTwoFilesPatch(before === '' ? '/dev/null' : key, at ?? key, before ?? '', after ?? '');
          output.one('difference', { key, patch }, () => coloured(patch, output.paint));
        }
        if (differences === 0) output.note('No difference.');
        return options.exitCode === true && differences > 0 ? EXIT.changes : EXIT.done;
      }),
    );
}

const STYLES: Readonly<Record<string, Style>> = { '+': 'green', '-': 'red', '@': 'cyan' };

/** Without the line of `=` that nobody reads. */
const coloured = (patch: string, paint: (style: Style | undefined, text: string) => string): string[] =>
  patch
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('====') && !line.startsWith('\\ '))
    .map((line) => paint(STYLES[line[0] ?? ''], printable(line)));
