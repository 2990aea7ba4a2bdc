import { namedId, newId, type Clock, type RecordNumbers } from '@sallyport/kernel';
import type { LifecycleRecord } from '@sallyport/messages';

type Said = Omit<LifecycleRecord, 'v' | 'type' | 'id' | 'replica' | 'writer' | 'n' | 'at'>;

/**
 * What happened, for example `{ type: 'token.issued', userId, clientId, sid }`. A field that is undefined is not there.
 */
export type TrailEvent = Pick<LifecycleRecord, 'type'> & { readonly [K in keyof Said]: Said[K] | undefined };

/**
 * Records an event. It is as safe as this process makes it when the promise resolves; a rejection says that it is not.
 */
export type RecordEvent = (event: TrailEvent) => Promise<void>;

/** Records an event that has happened and waits for nobody: it never holds up its caller, and never fails. */
export type NoteEvent = (event: TrailEvent) => void;

/** The writer of a trail: one process. */
export interface TrailWriter {
  readonly replica: string;
  readonly clock: Clock;
  /** Where they are not given, whoever stores the records numbers them. */
  readonly numbers?: RecordNumbers;
}

/** Makes an event a record of its writer, now. */
export function stampEvent({ type, ...said }: TrailEvent, { replica, clock, numbers }: TrailWriter): LifecycleRecord {
  const at = clock();
  const known = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  // A session ends once, however often and by whomever that is told: the trail keeps one record of it, of no number.
  if (type === 'token.revoked' && said.sid !== undefined)
    return { v: 1, type, id: namedId('evt', said.sid), replica, at, ...known };
  const numbered = numbers && { writer: numbers.writer, n: numbers.next() };
  return { v: 1, type, id: newId('evt', at), replica, ...numbered, at, ...known };
}
