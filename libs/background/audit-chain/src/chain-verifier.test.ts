import { describe, expect, test } from 'vitest';
import { ChainVerifier, type ChainOptions, type ChainReport } from './chain-verifier.js';
import { signNote } from './signed-note.js';
import { makeKey, ORIGIN, randomOf, randomStore, type Line, type Stored } from './testing/random-store.js';

const signer = makeKey();
const storeOf = (seed: number, more: object = {}) => randomStore({ seed, signer, ...more });
function verify(lines: readonly Line[], more: Partial<ChainOptions> = {}): ChainReport {
  const verifier = new ChainVerifier({ keys: [signer.key], ...more });
  for (const { event, checkpoint } of lines) {
    if (event !== undefined) verifier.event(event);
    if (checkpoint !== undefined) verifier.checkpoint(checkpoint);
  }
  return verifier.end();
}
const eventsOf = (lines: readonly Line[]) => lines.flatMap(({ event }) => (event === undefined ? [] : [event]));
const notesOf = (lines: readonly Line[]) => lines.flatMap(({ checkpoint }) => (checkpoint ? [checkpoint.note] : []));
/** The same lines with one event replaced, or left out. */
const withEvent = (lines: readonly Line[], { sequence }: Stored, by?: Stored): Line[] =>
  lines.flatMap((line) => (line.event?.sequence === sequence ? (by === undefined ? [] : [{ event: by }]) : [line]));
const withoutEntries = (lines: readonly Line[]): Line[] =>
  lines.map(({ event, checkpoint }) =>
    checkpoint === undefined ? { event: event as Stored } : { checkpoint: { note: checkpoint.note } as never },
  );
const raise = (): never => {
  throw new Error('there is no such event');
};
/** Sixty places of as many stores. */
const places = Array.from({ length: 60 }, (_, seed) => {
  const lines = storeOf(seed);
  const events = eventsOf(lines);
  const place = randomOf(seed + 7)(events.length);
  return { seed, lines, events, place, event: events[place] ?? raise() };
});
const first = ({ findings }: ChainReport) => findings[0];
const where = ({ sequence, n, writer }: Stored) => ({ sequence, n, writer });

describe('a store that is as it was', () => {
  test('has nothing that is found, and all of its events are proved (B13)', () => {
    for (const { lines, events } of places)
      expect(verify(lines)).toMatchObject({ events: events.length, findings: [], before: 0, after: 0, dropped: 0 });
  });
  test('may have events of an older version before its chain and newer ones behind it, which nothing proves (B13)', () => {
    const lines = storeOf(1);
    const old = { event: { sequence: 3, id: 'evt_old', type: 'token.issued', at: 1, detail: {} } };
    const newer = { event: { sequence: 9_999, id: 'evt_new', type: 'token.issued', at: 1, writer: 'w.0', n: 1 } };
    expect(verify([old, ...lines, newer])).toMatchObject({ findings: [], before: 1, after: 1 });
  });
  test('need not have what was kept for as long as events are (B13)', () => {
    const lines = storeOf(2, { keepsFrom: 1_040_000 });
    const kept = lines.filter(({ event }) => event === undefined || event.at >= 1_040_000);
    const gone = lines.length - kept.length;
    expect(gone).toBeGreaterThan(0);
    expect(verify(kept, { keepsFrom: 1_040_000 })).toMatchObject({ findings: [], dropped: gone });
    const tooMuch = kept.filter(({ event }) => event === undefined || event.at >= 1_045_000);
    expect(first(verify(tooMuch, { keepsFrom: 1_040_000 }))?.kind).toBe('removed');
  });
});

describe('an event', () => {
  test('that was removed is named by writer, number, place and time (B13)', () => {
    for (const { lines, event } of places)
      expect(first(verify(withEvent(lines, event)))).toMatchObject({ kind: 'removed', ...where(event), at: event.at });
  });
  test.each(['id', 'type', 'at', 'detail', 'n', 'writer', 'more'])('whose %s was changed is named (B13)', (field) => {
    for (const { lines, event } of places) {
      const value =
        field === 'at' || field === 'n' ? Number(event[field]) + 1 : field === 'detail' ? { size: -1 } : 'x';
      const report = verify(withEvent(lines, event, { ...event, [field]: value }));
      expect(first(report)).toMatchObject({ kind: 'changed', ...where(event) });
      expect(report.findings).toHaveLength(1);
    }
  });
  test.each(['n', 'writer', 'id', 'type'])('that lost its %s is named (B13)', (field) => {
    for (const { lines, event } of places) {
      const { [field]: _lost, ...rest } = event;
      expect(first(verify(withEvent(lines, event, rest as Stored)))).toMatchObject({
        kind: 'changed',
        ...where(event),
      });
    }
  });
  test('that was added is named, whoever is said to have written it (B13)', () => {
    for (const { lines, events, place, seed } of places) {
      const next = events[place + 1];
      const sequence = (events[place]?.sequence ?? 0) + 1;
      if (next === undefined || next.sequence === sequence) continue;
      const writer = seed % 2 === 0 ? 'made-up.000000000000' : next.writer;
      const made = { ...next, sequence, id: 'evt_made', writer, n: 1_000 } as Stored;
      const at = lines.findIndex(({ event }) => event?.sequence === next.sequence);
      expect(first(verify(lines.toSpliced(at, 0, { event: made })))).toMatchObject({
        kind: 'added',
        sequence,
        id: 'evt_made',
      });
    }
  });
  test('that changed places with the next is named, in the lines and under its sequence (B13)', () => {
    for (const { lines, events, place, event } of places) {
      const next = events[place + 1];
      if (next === undefined) continue;
      const [a, b] = [event, next].map(({ sequence }) => lines.findIndex((line) => line.event?.sequence === sequence));
      const swapped = lines.with(a ?? 0, { event: next }).with(b ?? 0, { event });
      const [low, high] = [event.sequence, next.sequence];
      expect(verify(swapped).findings.map(({ kind }) => kind)).toContain('reordered');
      const renumbered = withEvent(lines, event, { ...next, sequence: low }).map((line) =>
        line.event?.sequence === high ? { event: { ...event, sequence: high } } : line,
      );
      expect(first(verify(renumbered))).toMatchObject({ sequence: low });
      expect(['reordered', 'changed', 'removed', 'added']).toContain(first(verify(renumbered))?.kind);
    }
  });
  test('is missed where the end was cut off and its checkpoints are there (B13)', () => {
    for (const { lines, event } of places) {
      const cut = lines.filter((line) => line.event === undefined || line.event.sequence < event.sequence);
      expect(first(verify(cut))).toMatchObject({ kind: 'removed', ...where(event) });
    }
  });
  test('is found as well when what was kept to locate it is lost or was changed with it, within its checkpoint (B13)', () => {
    for (const { lines, event } of places) {
      const bare = withoutEntries(lines);
      expect(verify(bare).findings).toEqual([]);
      expect(first(verify(withEvent(bare, event)))).toMatchObject({
        kind: 'removed',
        writer: event.writer,
        n: event.n,
      });
      const changed = first(verify(withEvent(bare, event, { ...event, detail: {} })));
      expect(changed).toMatchObject({ kind: 'changed', writer: event.writer });
      expect(changed?.sequence).toBeLessThanOrEqual(event.sequence);
    }
  });
});

describe('a checkpoint', () => {
  const lines = storeOf(11);
  const notes = notesOf(lines);
  const replaced = (index: number, note: string | undefined): Line[] =>
    lines.flatMap((line) =>
      line.checkpoint?.note !== notes[index]
        ? [line]
        : note === undefined
          ? []
          : [{ checkpoint: { ...line.checkpoint, note } }],
    );
  const text = (index: number) => (notes[index] ?? '').split('\n\n')[0] ?? '';
  test.each([
    ['that is not signed', (index: number) => `${text(index)}\n`, 'Nobody signed it.'],
    [
      'that somebody else signed',
      (index: number) => notesOf(randomStore({ seed: 11, signer: makeKey() }))[index] ?? '',
      'None of the given keys signed it.',
    ],
    [
      'whose text was changed',
      (index: number) => (notes[index] ?? '').replace(/events \d+/, 'events 9999'),
      'Its signature is not one of its key.',
    ],
    [
      'that has the signature of another',
      (index: number) => `${text(index)}\n\n${(notes[index - 1] ?? '').split('\n\n')[1] ?? ''}`,
      'Its signature is not one of its key.',
    ],
    ['that is no note', () => 'x', 'It is no signed note.'],
    [
      'that its key signed for another trail',
      (index: number) =>
        signNote(`${text(index)}\n`.replace(ORIGIN, 'other.example/audit'), signer.key, signer.privateKey),
      'It is signed, but no checkpoint.',
    ],
  ])('%s is refused, and named (B13)', (_what, forged, why) => {
    for (let index = 1; index < notes.length - 1; index++) {
      const report = verify(replaced(index, forged(index)));
      expect(report.findings[0]).toMatchObject({ kind: 'checkpoint-refused', why });
      expect(report.findings).toHaveLength(1);
    }
  });
  test('that was removed is named, wherever it stood (B13)', () => {
    for (let index = 0; index < notes.length - 1; index++)
      expect(verify(replaced(index, undefined)).findings).toMatchObject([
        { kind: 'checkpoint-removed', checkpoint: index + 1 },
      ]);
  });
  test('that stands in another place is named (B13)', () => {
    const kinds = verify(replaced(2, notes[3])).findings.map(({ kind }) => kind);
    expect(kinds).toContain('checkpoint-removed');
    expect(kinds).toContain('checkpoint-out-of-place');
  });
});

describe('a chain that ends before what is known of it', () => {
  const whole = storeOf(21);
  const known = notesOf(whole);
  const half = whole.slice(0, whole.findIndex(({ checkpoint }) => checkpoint?.note === known[4]) + 1);
  const newest = { identity: '1.1.1.1', transactions: 1_050, sequence: 1_000 };
  test('was cut off, where the store has counted on since (B13)', () => {
    const { findings } = verify(half, { known, store: { ...newest, transactions: 2_000 } });
    expect(findings).toMatchObject([{ kind: 'cut-off', checkpoint: 6, to: known.length }]);
  });
  test.each([
    ['counts less than it did', { ...newest, transactions: 1_020 }],
    ['is another one', { ...newest, identity: '1.2.1.1', transactions: 9_000 }],
    ['has not given the sequences yet', { ...newest, transactions: 9_000, sequence: 40 }],
  ])('is of a backup that was restored, where the store %s (B13)', (_what, store) => {
    expect(verify(half, { known, store }).findings).toMatchObject([
      { kind: 'restored', checkpoint: 6, to: known.length },
    ]);
  });
  test('is one or the other, where nobody can ask the store (B13)', () => {
    expect(verify(half, { known }).findings).toMatchObject([{ kind: 'ends-early', checkpoint: 6 }]);
  });
  test.each([
    ['restored', 'counts less', { identity: '1.1.1.1', transactions: 1_010 }, 1_000],
    ['restored', 'gives sequences anew', { identity: '1.1.1.1', transactions: 5_000 }, 0],
    ['cut-off', 'counts on', { identity: '1.1.1.1', transactions: 5_000 }, 1_000],
  ])('and goes on is %s, where it %s (B13)', (kind, _how, counters, skipped) => {
    const on = storeOf(22, { before: half, counters: () => counters, skipped });
    expect(verify(on).findings).toEqual([]);
    expect(verify(on, { known }).findings).toMatchObject([{ kind, checkpoint: 6, to: known.length }]);
  });
  test('is as it should be, where nothing later is known (B13)', () => {
    expect(verify(whole, { known, store: { ...newest, transactions: 2_000 } }).findings).toEqual([]);
  });
});
