import { namedId, newId, type Clock } from '@sallyport/kernel';
import type { LifecycleRecord } from '@sallyport/messages';

type Said = Omit<LifecycleRecord, 'v' | 'type' | 'id' | 'replica' | 'at'>;

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
}

/** Makes an event a record of its writer, now. */
export function stampEvent({ type, ...said }: TrailEvent, { replica, clock }: TrailWriter): LifecycleRecord {
  const at = clock();
  // A session ends once, however often that is told: the trail keeps one record of it.
  const id = type === 'token.revoked' && said.sid !== undefined ? namedId('evt', said.sid) : newId('evt', at);
  const known = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  return { v: 1, type, id, replica, at, ...known };
}
