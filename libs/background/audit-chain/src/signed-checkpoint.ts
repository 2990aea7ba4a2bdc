import { checkpointDigest, readCheckpoint, type Checkpoint } from './checkpoint.js';
import { openNote, type NoteKey, type NoteRefusal } from './signed-note.js';

/** A checkpoint that one of the keys signed, and the digest that the next one names. */
export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly digest: string;
}

const REFUSALS: Readonly<Record<NoteRefusal, string>> = {
  malformed: 'It is no signed note.',
  unsigned: 'Nobody signed it.',
  'foreign-key': 'None of the given keys signed it.',
  forged: 'Its signature is not one of its key.',
};

/** @returns why not, in a sentence, for a note that is no checkpoint which one of the keys signed */
export function openCheckpoint(note: string, keys: readonly NoteKey[]): SignedCheckpoint | string {
  const opened = openNote(note, keys);
  if ('refused' in opened) return REFUSALS[opened.refused];
  const checkpoint = readCheckpoint(opened.text);
  if (checkpoint === undefined || checkpoint.origin !== opened.signedBy.name) return 'It is signed, but no checkpoint.';
  return { checkpoint, digest: checkpointDigest(opened.text) };
}
