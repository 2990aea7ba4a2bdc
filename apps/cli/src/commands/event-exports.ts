import type { EventExport } from '@sallyport/admin-api/events';
import { Option, type Command } from 'commander';
import { resolve } from 'node:path';
import { act, type Context, type Run } from '../context.js';
import { downloadExport, findExport, type Lines } from '../events/download-export.js';
import { lastSequenceIn, LineFile } from '../events/line-file.js';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import { filtered, filterOf, type FilterOptions } from './event-filters.js';

interface Given extends FilterOptions {
  readonly format: EventExport['format'];
  readonly out?: string;
  readonly resume?: string;
}

/** Adds `events export`. */
export function addExportCommand(events: Command, run: Run): void {
  filtered(events.command('export'))
    .description('Write the events that filters let through to a file, in order of arrival, however many there are')
    .addOption(
      new Option('--format <format>', 'NDJSON, or CSV for spreadsheets').choices(['ndjson', 'csv']).default('ndjson'),
    )
    .option('--out <file>', 'Where to; it is FILE.part until it is whole. Printed unless given')
    .option('--resume <export>', 'Go on with an export (exp_…) that broke off, behind what FILE.part has')
    .action(act<[], Given>(run, (context, { options }) => exportEvents(context, options)));
}

async function exportEvents(context: Context, given: Given): Promise<void> {
  const { world, output } = context;
  if (given.resume !== undefined && given.out === undefined)
    throw new CliError(EXIT.invalid, 'An export goes on in its file: give --out as well.', []);
  const api = await context.client();
  const asked =
    given.resume === undefined
      ? await api.createEventExport({ body: { format: given.format, filter: bodyOf(given, world.now()) } })
      : await findExport(api, given.resume, given.format);
  if (given.out === undefined) return await downloadExport(context, asked, printing(context));
  const path = resolve(world.directory, given.out);
  const file = await LineFile.open(path, given.resume !== undefined);
  try {
    await downloadExport(context, asked, file);
  } catch (error) {
    await file.close();
    output.warn(`${given.out}.part is not whole. --resume ${asked.id} goes on with it until ${asked.expiresAt}.`);
    throw error;
  }
  await file.finish();
  output.one('event-export', { ...asked, path }, () => [`${given.out} has the export ${asked.id}.`]);
}

const bodyOf = (given: FilterOptions, now: number): Record<string, string> =>
  Object.fromEntries(
    Object.entries(filterOf(given, now)).filter((field): field is [string, string] => field[1] !== undefined),
  );

function printing({ world }: Context): Lines {
  let last: number | undefined;
  return {
    get last() {
      return last;
    },
    write(lines) {
      world.stdout.write(lines);
      last = lastSequenceIn(lines) ?? last;
      return Promise.resolve();
    },
  };
}
