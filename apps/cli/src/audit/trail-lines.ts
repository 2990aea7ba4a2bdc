import type { AdminClient, Answered } from '@sallyport/admin-api';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';

type Checkpoint = Answered<'listCheckpoints'>['checkpoints'][number];
type Event = Answered<'listEvents'>['events'][number];

/** What an export is made of: events in order of arrival, and each window's checkpoints behind it. */
export type TrailLine =
  | { readonly type: 'newest'; readonly value: { readonly note: string } }
  | { readonly type: 'event'; readonly value: Readonly<Record<string, unknown>> }
  | { readonly type: 'checkpoint'; readonly value: { readonly note: string; readonly entries: string | null } };

const EVENTS = '1000';
const CHECKPOINTS = '50';
/** Lines of one event; a longer one is none. */
const MOST_CHARACTERS = 1024 * 1024;

/**
 * Reads the whole trail over the API as it is now, in constant memory: later events may tell of checkpoints that were
 * not there when these were read.
 */
export async function* linesOfApi(api: AdminClient): AsyncGenerator<TrailLine> {
  const [newest] = (await api.listEvents({ query: { limit: '1' } })).events;
  const events = eventsOf(api, newest?.sequence ?? 0);
  let next = await events.next();
  for await (const { note, entries, upTo } of checkpointsOf(api)) {
    for (; !next.done && next.value.sequence <= upTo; next = await events.next())
      yield { type: 'event', value: next.value };
    yield { type: 'checkpoint', value: { note, entries } };
  }
  for (; !next.done; next = await events.next()) yield { type: 'event', value: next.value };
}

async function* eventsOf(api: AdminClient, upTo: number): AsyncGenerator<Event, undefined> {
  for (let after = 0; ;) {
    const { events, next } = await api.listEvents({ query: { after: String(after), limit: EVENTS } });
    yield* events.filter(({ sequence }) => sequence <= upTo);
    if (events.length < Number(EVENTS) || next >= upTo) return undefined;
    after = next;
  }
}

async function* checkpointsOf(api: AdminClient): AsyncGenerator<Checkpoint> {
  for (let after = 0; ;) {
    const { checkpoints } = await api.listCheckpoints({ query: { after: String(after), limit: CHECKPOINTS } });
    yield* checkpoints;
    if (checkpoints.length < Number(CHECKPOINTS)) return;
    after = checkpoints.at(-1)?.number ?? after;
  }
}

/**
 * Reads an export, or any file with a JSON object in each line that has them: an event, or `{ type, value }` as
 * `--json` prints it. An event that tells of a checkpoint is one too, where the file has none of its own.
 */
export async function* linesOfFile(path: string): AsyncGenerator<TrailLine> {
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity });
  let number = 0;
  let hasCheckpoints = false;
  try {
    for await (const text of lines) {
      number += 1;
      if (text.trim() === '') continue;
      const line = readLine(text);
      if (line === undefined)
        throw new CliError(EXIT.invalid, `${path}:${number} is no event and no checkpoint.`, [
          'Give the file that `sallyport audit export` wrote.',
        ]);
      if (line === 'other') continue;
      hasCheckpoints ||= line.type === 'checkpoint';
      yield line;
      const note = hasCheckpoints || line.type !== 'event' ? undefined : noteIn(line.value);
      if (note !== undefined) yield { type: 'checkpoint', value: { note, entries: null } };
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(EXIT.invalid, `${path} cannot be read.`, [], { cause: error });
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function readLine(text: string): TrailLine | 'other' | undefined {
  const line: unknown = text.length > MOST_CHARACTERS ? undefined : parsed(text);
  if (!isObject(line)) return undefined;
  const { type, value } = line;
  if (!isObject(value)) return typeof line['sequence'] === 'number' ? { type: 'event', value: line } : 'other';
  if (type === 'event') return { type, value };
  const { note, entries } = value;
  if (typeof note !== 'string') return 'other';
  if (type === 'newest') return { type, value: { note } };
  return type === 'checkpoint'
    ? { type, value: { note, entries: typeof entries === 'string' ? entries : null } }
    : 'other';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // said by the caller
  }
}

/** The checkpoint that an event of the trail tells of. */
export function noteIn({ type, detail }: Readonly<Record<string, unknown>>): string | undefined {
  if (type !== 'audit.checkpoint' || !isObject(detail)) return undefined;
  return typeof detail['text'] === 'string' ? detail['text'] : undefined;
}
