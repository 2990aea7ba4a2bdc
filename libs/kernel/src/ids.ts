import { createHash, randomBytes } from 'node:crypto';

/** What each id prefix stands for. An id is `<prefix>_<26 characters>`: time-ordered, then 80 random bits. */
export const idPrefixes = {
  usr: 'User',
  /** An agent on its own: the subject of its tokens, which no user's can equal (security rule S1). */
  agt: 'autonomous agent',
  ses: 'AgentSession',
  ids: 'IdentitySession',
  con: 'Connection',
  evt: 'Event',
  rev: 'Revocation',
  tkt: 'ConnectTicket',
  sec: 'stored secret',
  mss: 'legacy MCP session',
  exp: 'EventExport',
} as const;
export type IdPrefix = keyof typeof idPrefixes;
export type Id<P extends IdPrefix> = `${P}_${string}`;
export type UserId = Id<'usr'>;
export type MachineId = Id<'agt'>;
export type AgentSessionId = Id<'ses'>;
export type ConnectionId = Id<'con'>;
export type EventId = Id<'evt'>;

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford base32: no i, l, o, u

const RANDOM_BYTES = 16;
/** Asked of the system for many ids at once: one is made for each call of an agent. */
let randomness = Buffer.alloc(0);

function takeRandomness(): Buffer {
  if (randomness.length < RANDOM_BYTES) randomness = randomBytes(RANDOM_BYTES * 256);
  const taken = randomness.subarray(0, RANDOM_BYTES);
  randomness = randomness.subarray(RANDOM_BYTES);
  return taken;
}

/** The id that always stands for this name; the same 26 characters, but they say nothing about time. */
export function namedId<P extends IdPrefix>(prefix: P, name: string): Id<P> {
  const digest = createHash('sha256').update(`${prefix}\n${name}`).digest();
  return `${prefix}_${Array.from(digest.subarray(0, 26), (byte) => ALPHABET[byte & 31]).join('')}`;
}

/** A new id; sorts by creation time to the millisecond. */
export function newId<P extends IdPrefix>(prefix: P, now: number = Date.now()): Id<P> {
  let time = '';
  for (let rest = now, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = ALPHABET[rest % 32] + time;
  let tail = '';
  for (const byte of takeRandomness()) tail += ALPHABET[byte & 31];
  return `${prefix}_${time}${tail}`;
}

/**
 * When an id of {@link newId} was made, in milliseconds since the epoch; undefined for what is none. One of `namedId`
 * says a time that means nothing.
 */
export function timeOfId<P extends IdPrefix>(prefix: P, id: string): number | undefined {
  if (!isId(prefix, id)) return undefined;
  return Array.from(id.slice(prefix.length + 1, prefix.length + 11)).reduce(
    (time, character) => time * 32 + ALPHABET.indexOf(character),
    0,
  );
}

export function isId<P extends IdPrefix>(prefix: P, value: unknown): value is Id<P> {
  return (
    typeof value === 'string' &&
    value.startsWith(`${prefix}_`) &&
    /^[0-9a-hjkmnp-tv-z]{26}$/.test(value.slice(prefix.length + 1))
  );
}
