import { Document, documentKey } from '@sallyport/configuration';
import { renderDocument } from '@sallyport/declaration';
import type { Command } from 'commander';
import { readSet } from '../configuration/read-set.js';
import { readStored } from '../configuration/read-stored.js';
import { act, type Run } from '../context.js';
import { EXIT } from '../exit-code.js';
import { patchLines, patchOf } from '../terminal/patch-lines.js';

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
          const [before, after] = [there.get(key), here.get(key)].map((one) => (one ? renderDocument(one) : ''));
          if (before === after) continue;
          differences++;
          const at = set.locateField(here.get(key) ?? { kind: '', name: '' }, 'kind') ?? key;
          const patch = patchOf({ at: key, text: before ?? '' }, { at, text: after ?? '' });
          output.one('difference', { key, patch }, () => patchLines(patch, output.paint));
        }
        if (differences === 0) output.note('No difference.');
        return options.exitCode === true && differences > 0 ? EXIT.changes : EXIT.done;
      }),
    );
}
