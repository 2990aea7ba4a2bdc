import { ChainVerifier, isTampering, readNoteKey } from '@sallyport/audit-chain';
import type { ChainReport, Finding, NoteKey } from '@sallyport/audit-chain';
import type { AdminClient, Answered } from '@sallyport/admin-api';
import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { linesOfApi, linesOfFile, noteIn, type TrailLine } from '../audit/trail-lines.js';
import { CliError } from '../cli-error.js';
import { act, type Context, type Run } from '../context.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { relativeMoment } from '../terminal/moment.js';
import { printable } from '../terminal/printable.js';
import type { Column } from '../terminal/table.js';
import { commandGroup } from './command-group.js';

type Key = Answered<'listAuditKeys'>['keys'][number];
interface Given {
  readonly export?: string;
  readonly key?: string;
  readonly checkpoints?: string;
}

const KEPT_ELSEWHERE = 'A file with checkpoints that were kept elsewhere, such as those of a log stream';

export function addAuditCommands(program: Command, run: Run): void {
  const audit = commandGroup(program, 'audit', 'What proves the trail: verify it, export it, and its keys');
  audit
    .command('verify')
    .description('Compare all events with the signed checkpoints, and name the first that is not what it was')
    .option('--export <file>', 'Of a file that `audit export` wrote, without asking anybody')
    .option(
      '--key <file>',
      'File with the public keys (`audit keys` prints them); the system is asked unless it is given',
    )
    .option('--checkpoints <file>', KEPT_ELSEWHERE)
    .action(act<[], Given>(run, async (context, { options }) => verify(context, options)));
  audit
    .command('export')
    .description('Print the whole trail with its checkpoints as NDJSON, for a file that is verified elsewhere')
    .action(act<[], object>(run, async (context) => exportTrail(context, await context.client())));
  const keys = commandGroup(audit, 'keys', 'Keys that sign checkpoints');
  keys
    .command('list', { isDefault: true })
    .description('Print the public keys, the newest first')
    .action(
      act<[], object>(run, async (context) => showKeys(context, (await (await context.client()).listAuditKeys()).keys)),
    );
  keys
    .command('rotate')
    .description('Make a key that signs from now on; the others stay, to verify what they signed')
    .action(
      act<[], object>(run, async (context) =>
        showKeys(context, (await (await context.client()).rotateAuditKey()).keys),
      ),
    );
}

/** The public key comes first in each line: the file that somebody keeps of this is what `--key` takes. */
function showKeys({ output, world }: Context, keys: readonly Key[]): void {
  const columns: readonly Column<Key>[] = [
    { title: 'PUBLIC KEY', text: ({ publicKey }) => publicKey },
    { title: 'SIGNS', text: ({ signs }) => (signs ? 'yes' : 'no'), style: ({ signs }) => (signs ? 'green' : 'dim') },
    { title: 'MADE', text: ({ createdAt }) => relativeMoment(createdAt, world.now()) },
  ];
  output.many('audit-key', keys, columns, 'There is no key yet.');
}

async function exportTrail({ world }: Context, api: AdminClient): Promise<void> {
  const write = (line: TrailLine) => world.stdout.write(`${JSON.stringify(line)}\n`);
  const newest = await newestCheckpoint(api);
  if (newest !== undefined) write({ type: 'newest', value: { note: newest } });
  for await (const line of linesOfApi(api)) write(line);
}

/** The last of all; the trail tells of each. */
async function newestCheckpoint(api: AdminClient): Promise<string | undefined> {
  const { events } = await api.listEvents({ query: { type: 'audit.checkpoint', limit: '1' } });
  const text = events[0]?.detail['text'];
  return typeof text === 'string' ? text : undefined;
}

async function verify(context: Context, { export: file, key, checkpoints }: Given): Promise<ExitCode> {
  const { world, output } = context;
  const pathOf = (given: string) => resolve(world.directory, given);
  if (file !== undefined && key === undefined)
    throw new CliError(EXIT.invalid, 'An export is verified with keys that are known from elsewhere: give --key.', [
      '`sallyport audit keys` prints them; keep them apart from the export.',
    ]);
  const api = file === undefined ? await context.client() : undefined;
  const newest = api === undefined ? await newestOfFile(pathOf(file ?? '')) : await newestCheckpoint(api);
  const verifier = new ChainVerifier({
    keys: api === undefined || key !== undefined ? await keysOfFile(pathOf(key ?? '')) : await keysOf(api),
    known: [
      ...(checkpoints === undefined ? [] : await notesOfFile(pathOf(checkpoints))),
      ...(newest === undefined ? [] : [newest]),
    ],
    ...(api !== undefined && { store: (await api.listCheckpoints({ query: { limit: '1' } })).store }),
  });
  let lines = 0;
  for await (const line of api === undefined ? linesOfFile(pathOf(file ?? '')) : linesOfApi(api)) {
    if (line.type === 'event') verifier.event(line.value);
    else if (line.type === 'checkpoint') {
      const { note, entries } = line.value;
      verifier.checkpoint({ note, entries: entries === null ? undefined : Buffer.from(entries, 'base64') });
    }
    lines += 1;
    if (lines % 10_000 === 0) output.progress(`${lines} lines compared`);
  }
  output.done();
  return show(context, verifier.end());
}

const keysOf = async (api: AdminClient): Promise<NoteKey[]> =>
  keysIn((await api.listAuditKeys()).keys.map(({ publicKey }) => publicKey));

/** One key in each line, with or without what else `audit keys` prints. */
async function keysOfFile(path: string): Promise<NoteKey[]> {
  const keys = keysIn((await textOf(path)).split(/[\s"]+/));
  if (keys.length === 0)
    throw new CliError(EXIT.invalid, `${path} has no public key.`, ['Give what `sallyport audit keys` printed.']);
  return keys;
}

const keysIn = (words: readonly string[]): NoteKey[] =>
  words.map((word) => readNoteKey(word)).filter((key) => key !== undefined);

/** Checkpoints of an export or of a log stream, or signed notes one after the other. */
async function notesOfFile(path: string): Promise<string[]> {
  const text = await textOf(path);
  if (!text.trimStart().startsWith('{')) return text.match(/[^\n]+\ncheckpoint \d[^]*?\n\n(?:— .*\n)+/g) ?? [];
  const notes: string[] = [];
  for await (const line of linesOfFile(path)) {
    const note = line.type === 'event' ? noteIn(line.value) : line.value.note;
    if (note !== undefined) notes.push(note);
  }
  return [...new Set(notes)];
}

/** An export says at its beginning which checkpoint was the last: a missing end is found by it. */
async function newestOfFile(path: string): Promise<string | undefined> {
  for await (const line of linesOfFile(path)) return line.type === 'newest' ? line.value.note : undefined;
  return undefined;
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new CliError(EXIT.invalid, `${path} cannot be read.`, [], { cause: error });
  }
}

function show({ output }: Context, report: ChainReport): ExitCode {
  const { findings, moreFindings, last } = report;
  for (const finding of findings) output.record('finding', finding);
  output.record('verified', { ...report, findings: undefined });
  for (const finding of findings) {
    output.say(
      `${output.paint(isTampering(finding) ? 'red' : 'yellow', finding.kind)}  ${printable(whereOf(finding))}`,
    );
    output.say(`  ${printable(finding.why)}`);
  }
  if (moreFindings > 0) output.say(`and ${moreFindings} more`);
  const proved = `${report.events} events are as ${report.checkpoints} checkpoints say`;
  if (last === undefined) output.say('There is no checkpoint yet: nothing is proved.');
  else output.say(`${proved}, up to number ${last.number} of ${isoOf(last.at)}.`);
  for (const line of besides(report)) output.say(line);
  return findings.length > 0 || last === undefined ? EXIT.failed : EXIT.done;
}

const isoOf = (at: number): string => new Date(at).toISOString();

/** `writer gateway-1.0f8a…, record 16, sequence 4711, evt_…, 2026-11-30T09:30:00.000Z, checkpoint 12`. */
const whereOf = ({ writer, n, sequence, id, at, checkpoint, to }: Finding): string =>
  [
    writer && `writer ${writer}`,
    n !== undefined && `record ${n}`,
    sequence !== undefined && `sequence ${sequence}`,
    id,
    at !== undefined && isoOf(at),
    checkpoint !== undefined && (to === undefined ? `checkpoint ${checkpoint}` : `checkpoints ${checkpoint} to ${to}`),
  ]
    .filter(Boolean)
    .join(', ');

function besides({ before, after, dropped }: ChainReport): string[] {
  return [
    ...(dropped > 0 ? [`${dropped} events are gone, as old as they may be.`] : []),
    ...(before > 0 ? [`${before} events arrived before the first checkpoint: nothing proves them.`] : []),
    ...(after > 0 ? [`${after} events arrived since the last checkpoint: nothing proves them yet.`] : []),
  ];
}
