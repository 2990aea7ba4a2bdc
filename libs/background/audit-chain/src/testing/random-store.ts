import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chainedEvent, packEntries, type ChainedEvent } from '../chain-entry.js';
import { checkpointDigest, summarize, writeCheckpoint, type StoreCounters } from '../checkpoint.js';
import { noteKey, signNote, type NoteKey } from '../signed-note.js';

export type Stored = Record<string, unknown> & {
  sequence: number;
  id: string;
  at: number;
  n?: number;
  writer?: string;
};
export interface Line {
  readonly event?: Stored;
  readonly checkpoint?: { readonly note: string; readonly entries?: Uint8Array };
}

export const ORIGIN = 'control.example/audit';
export function makeKey(name = ORIGIN): { key: NoteKey; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { key: noteKey(name, publicKey), privateKey };
}

/** The same number always gives the same numbers below what is asked for. */
export function randomOf(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761 + 1) % 2_147_483_648;
  return (below) => ((state = (state * 1_103_515_245 + 12_345) % 2_147_483_648), (state >> 8) % below);
}

export interface StoreOptions {
  readonly seed: number;
  readonly windows?: number;
  readonly signer: { readonly key: NoteKey; readonly privateKey: KeyObject };
  readonly counters?: (window: number) => StoreCounters;
  readonly keepsFrom?: number;
  /** Goes on after these lines instead of beginning. */
  readonly before?: readonly Line[];
  /** Sequences that were given in between. */
  readonly skipped?: number;
}

/** Some writers' events as they arrived, and after each window its checkpoints: what an export holds. */
export function randomStore(options: StoreOptions): Line[] {
  const { seed, windows = 6, signer, before = [], keepsFrom = 0, skipped = 0 } = options;
  const counters = options.counters ?? ((window) => ({ identity: '1.1.1.1', transactions: 1_000 + window * 10 }));
  const next = randomOf(seed);
  const lines: Line[] = [...before];
  const notes = before.flatMap(({ checkpoint }) => (checkpoint ? [checkpoint.note] : []));
  let sequence = Math.max(9, ...before.map(({ event }) => event?.sequence ?? 0));
  let [number, after] = [notes.length, sequence];
  sequence += skipped;
  let previous = notes.length === 0 ? null : digestOf(notes.at(-1) ?? '');
  const writers = ['gateway-1', 'gateway-2', 'control-plane'].map((name) => ({
    writer: `${name}.${String(seed).padStart(12, '0')}`,
    n: 0,
  }));
  for (let window = 0; window < windows; window++) {
    const arrived: ChainedEvent[] = [];
    for (let count = 3 + next(12); count > 0; count--) {
      const one = writers[next(writers.length)] ?? { writer: '', n: 0 };
      one.n += 1;
      const isCall = next(2) === 0;
      for (const type of isCall ? ['mcp.request', 'mcp.response'] : ['token.issued']) {
        sequence += 1 + next(2);
        const id = `evt_${seed}_${sequence}`;
        const event = {
          sequence,
          id,
          type,
          at: 1_000_000 + sequence * 1_000,
          writer: one.writer,
          n: one.n,
          detail: { size: next(99) / 7 },
        };
        lines.push({ event });
        arrived.push(chainedEvent(event) ?? raise());
      }
    }
    for (const { writer } of writers) {
      const entries = arrived.filter((event) => event.writer === writer);
      if (entries.length === 0) continue;
      const at = 2_000_000 + sequence * 1_000;
      const text = writeCheckpoint({
        ...{ origin: ORIGIN, number: ++number, previous, at, writer, after, upTo: sequence },
        ...{ ...summarize(entries), keepsFrom, store: counters(window) },
      });
      previous = checkpointDigest(text);
      lines.push({
        checkpoint: { note: signNote(text, signer.key, signer.privateKey), entries: packEntries(entries) },
      });
    }
    after = sequence;
  }
  return lines;
}

const digestOf = (note: string): string => checkpointDigest(note.slice(0, note.lastIndexOf('\n\n') + 1));
function raise(): never {
  throw new Error('the test made an event that is none');
}
