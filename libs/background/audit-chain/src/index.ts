/**
 * What proves that the trail is as it was: hashes of stored events, checkpoints over them in signed notes, and the
 * comparison of both. Pure: it reads no store and no file. The control plane makes checkpoints and verifies its own
 * store with it, the command line verifies exports; what an event is, `audit` says.
 */
export { canonicalJson } from './canonical-json.js';
export { digestOfText, eventDigest, packEntries, UNNUMBERED, unpackEntries } from './chain-entry.js';
export type { ChainEntry } from './chain-entry.js';
export { checkpointDigest, readCheckpoint, summarize, writeCheckpoint } from './checkpoint.js';
export type { Checkpoint, StoreCounters } from './checkpoint.js';
export { ChainVerifier } from './chain-verifier.js';
export type { ChainOptions, ChainPosition, ChainReport, GivenCheckpoint } from './chain-verifier.js';
export { FINDING_KINDS, isTampering } from './finding.js';
export type { Finding, FindingKind } from './finding.js';
export { openCheckpoint } from './signed-checkpoint.js';
export type { SignedCheckpoint } from './signed-checkpoint.js';
export { noteKey, readNoteKey, signNote, writeNoteKey } from './signed-note.js';
export type { NoteKey } from './signed-note.js';
