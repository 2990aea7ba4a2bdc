import { z } from 'zod';
import type { Caller } from '@sallyport/policy';
import type { StateSealer } from './state-sealer.js';

/** The last entry a page showed: the next one goes on after it, whatever came and went in between. */
const ListCursor = z.object({
  server: z.string(),
  publicName: z.string(),
  /** Milliseconds since the epoch. */
  expiresAt: z.int(),
});
export type ListPosition = Omit<z.infer<typeof ListCursor>, 'expiresAt'>;

const LIFETIME_MS = 10 * 60_000;

/** The list a cursor goes on with: this one, for this caller, under these documents (security rule S15). */
export interface PagedList {
  readonly caller: Caller;
  readonly what: string;
  /** The one server addressed, if it was one. */
  readonly target: string | undefined;
  readonly documents: string;
}

const boundTo = ({ caller, what, target, documents }: PagedList) => [
  caller.userId,
  caller.clientId,
  caller.sid,
  what,
  target ?? '',
  documents,
];

export function sealListCursor(sealer: StateSealer, list: PagedList, position: ListPosition, now: number): string {
  return sealer.seal('list-cursor', { ...position, expiresAt: now + LIFETIME_MS }, boundTo(list));
}

/** `undefined` for a cursor of another list, another caller or another policy, and for one that is too old. */
export function openListCursor(
  sealer: StateSealer,
  list: PagedList,
  sealed: string,
  now: number,
): ListPosition | undefined {
  const cursor = ListCursor.safeParse(sealer.open('list-cursor', sealed, boundTo(list))).data;
  return cursor !== undefined && cursor.expiresAt > now ? cursor : undefined;
}
