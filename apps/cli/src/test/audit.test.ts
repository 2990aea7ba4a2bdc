import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  eventDigest,
  noteKey,
  packEntries,
  signNote,
  summarize,
  writeCheckpoint,
  writeNoteKey,
} from '@sallyport/audit-chain';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT } from '../exit-code.js';
import { fakeWorld, runIn } from './fake-world.js';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const key = noteKey('control.example/audit', publicKey);
const AT = Date.UTC(2026, 10, 30, 9);
const WRITER = 'gateway-1.0f8a3c5d7e91';

const event = (n: number) => ({
  ...{ id: `evt_${n}`, type: 'token.issued', at: AT + n, replica: 'gateway-1', writer: WRITER, n, detail: { size: n } },
});
const events = [1, 2, 3, 4].map((n) => ({ sequence: 10 + 2 * n, ...event(n) }));
const entries = events.map(({ sequence, ...one }) => ({ sequence, n: one.n, at: one.at, digest: eventDigest(one) }));
const note = signNote(
  writeCheckpoint({
    ...{ origin: key.name, number: 1, previous: null, at: AT + 10, writer: WRITER, after: 10, upTo: 18, keepsFrom: 0 },
    ...{ ...summarize(entries), store: { identity: '1.1.1.1', transactions: 7 } },
  }),
  key,
  privateKey,
);
const checkpoint = { type: 'checkpoint', value: { note, entries: packEntries(entries).toString('base64') } };
const exported: readonly object[] = [
  { type: 'newest', value: { note } },
  ...events.map((value) => ({ type: 'event', value })),
  checkpoint,
];

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-audit-'));
  await writeFile(join(directory, 'keys.txt'), `PUBLIC KEY  SIGNS\n${writeNoteKey(key)}  yes\n`);
  await writeFile(join(directory, 'notes.txt'), note);
  const { publicKey: foreign } = generateKeyPairSync('ed25519');
  await writeFile(join(directory, 'foreign.txt'), writeNoteKey(noteKey(key.name, foreign)));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function verify(lines: readonly object[], ...options: readonly string[]) {
  await writeFile(join(directory, 'trail.ndjson'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return runIn(fakeWorld({ directory }), 'audit', 'verify', '--export', 'trail.ndjson', ...options);
}
const withKey = (lines: readonly object[]) => verify(lines, '--key', 'keys.txt');

test('an export is verified offline, with the public key and nobody else (B13)', async () => {
  const { exitCode, stdout } = await withKey(exported);
  expect(exitCode).toBe(EXIT.done);
  expect(stdout).toBe('4 events are as 1 checkpoints say, up to number 1 of 2026-11-30T09:00:00.010Z.\n');
});

test('so are bare events, as a log stream writes them, with the checkpoints that the trail tells of (B13)', async () => {
  const told = {
    sequence: 19,
    id: 'evt_c',
    type: 'audit.checkpoint',
    at: AT,
    writer: 'control-plane.000000000000',
    n: 1,
    detail: { text: note },
  };
  expect(await withKey([...events, told])).toMatchObject({ exitCode: EXIT.done });
  const { exitCode, stdout } = await withKey([...events.slice(0, 3), told]);
  expect([exitCode, stdout.split('\n')[0]]).toEqual([EXIT.failed, `removed  writer ${WRITER}, record 4, checkpoint 1`]);
});

test.each([
  ['changed', exported.with(2, { type: 'event', value: { ...events[1], userId: 'usr_x' } }), 'record 2, sequence 14'],
  ['removed', exported.toSpliced(3, 1), 'record 3, sequence 16'],
  ['added', exported.toSpliced(4, 0, { type: 'event', value: { ...event(5), sequence: 17 } }), 'record 5, sequence 17'],
  ['reordered', exported.with(1, exported[2] ?? {}).with(2, exported[1] ?? {}), 'record 1, sequence 12'],
])('an event of an export that was %s is named, and the command fails (B13)', async (kind, lines, where) => {
  const { exitCode, stdout } = await withKey(lines);
  expect(exitCode).toBe(EXIT.failed);
  expect(stdout.split('\n')[0]).toMatch(new RegExp(`^${kind}  writer ${WRITER}, ${where}`));
});

test('an export whose end is missing is found by what it says at its beginning, or by a checkpoint kept elsewhere (B13)', async () => {
  expect(await withKey(exported.slice(0, 3))).toMatchObject({ exitCode: EXIT.failed });
  const { exitCode, stdout } = await verify(exported.slice(1, 3), '--key', 'keys.txt', '--checkpoints', 'notes.txt');
  expect([exitCode, stdout.split('\n')[0]]).toEqual([EXIT.failed, 'ends-early  checkpoint 1']);
});

test('a checkpoint of another key proves nothing (B13)', async () => {
  const { exitCode, stdout } = await verify(exported, '--key', 'foreign.txt');
  expect(exitCode).toBe(EXIT.failed);
  expect(stdout).toContain('checkpoint-refused');
});

test.each([
  ['without a key', exported, [], 'give --key'],
  ['with a file that has none', exported, ['--key', 'trail.ndjson'], 'has no public key'],
  ['that is not there', exported, ['--key', 'missing.txt'], 'cannot be read'],
])('an export %s is not verified at all (B13)', async (_what, lines, options, said) => {
  const { exitCode, stderr } = await verify(lines, ...options);
  expect([exitCode, stderr]).toEqual([EXIT.invalid, expect.stringContaining(said)]);
});

test('a line that is none is said to be (B13)', async () => {
  await writeFile(join(directory, 'broken.ndjson'), '{"type": "event"');
  const broken = await runIn(
    fakeWorld({ directory }),
    ...['audit', 'verify', '--export', 'broken.ndjson', '--key', 'keys.txt'],
  );
  expect(broken).toMatchObject({
    exitCode: EXIT.invalid,
    stderr: expect.stringContaining('broken.ndjson:1') as string,
  });
});
