import { AdminApiError, type AdminClient } from '@sallyport/admin-api';
import { EXPORT_TYPES, type EventExport } from '@sallyport/admin-api/events';
import { setTimeout as wait } from 'node:timers/promises';
import { CliError } from '../cli-error.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit-code.js';
import type { LineFile } from './line-file.js';

/** Where whole lines go, and which event the last one is. */
export type Lines = Pick<LineFile, 'write'> & { readonly last: number | undefined };

/** Tries that bring nothing, one after the other, before it is given up. */
const MOST_TRIES = 6;
const LONGEST_PAUSE_MS = 15_000;

/** Reads an export to its end, over connections that break: it goes on after the last whole line. */
export async function downloadExport(
  context: Pick<Context, 'stream' | 'world' | 'output'>,
  asked: EventExport,
  lines: Lines,
): Promise<void> {
  const { world, output } = context;
  for (let tries = 1; ; tries++) {
    const before = lines.last;
    try {
      return await downloadOnce(context, asked, lines);
    } catch (error) {
      if (world.signal.aborted || !isPassing(error)) throw error;
      if (lines.last !== before) tries = 1;
      if (tries >= MOST_TRIES) throw error;
    }
    output.progress('The connection broke; it goes on after the last event that arrived.');
    await wait(Math.min(500 * 2 ** tries, LONGEST_PAUSE_MS), undefined, { signal: world.signal });
  }
}

async function downloadOnce(
  { stream, world, output }: Pick<Context, 'stream' | 'world' | 'output'>,
  { id, format, after, upTo }: EventExport,
  lines: Lines,
): Promise<void> {
  const from = lines.last;
  const opened = await stream(
    'downloadEventExport',
    { params: { id }, query: { after: from === undefined ? undefined : String(from) } },
    { accept: EXPORT_TYPES[format], signal: world.signal },
  );
  let rest = '';
  for await (const text of opened.pipeThrough(new TextDecoderStream())) {
    const whole = text.lastIndexOf('\n') + 1;
    if (whole === 0) {
      rest += text;
      continue;
    }
    await lines.write(rest + text.slice(0, whole));
    rest = text.slice(whole);
    const done = ((lines.last ?? after) - after) / Math.max(1, upTo - after);
    output.progress(`${Math.floor(100 * done)} % of the trail looked through`);
  }
  output.done();
}

/** An answer that says no stays a no; what else goes wrong may be another time right. */
const isPassing = (error: unknown): boolean =>
  error instanceof AdminApiError ? error.status === 503 || error.status === 429 : !(error instanceof CliError);

/** The export that was begun before, which must be of this format. */
export async function findExport(api: AdminClient, id: string, format: string): Promise<EventExport> {
  const found = await api.readEventExport({ params: { id } });
  if (found.format !== format)
    throw new CliError(EXIT.invalid, `The export ${id} is in ${found.format}.`, [`Say --format ${found.format}.`]);
  return found;
}
