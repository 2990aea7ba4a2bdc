import type { AuditEvent } from '../audit-event.js';

/**
 * What an event says that has no place yet. A fact is taken out where it is put elsewhere, and only in the type that
 * its place has; what is left over goes to `unmapped`, so that nothing is lost.
 */
export interface Details {
  text(name: string): string | undefined;
  integer(name: string): number | undefined;
  /** A time that is written as text (RFC 3339), in milliseconds since the epoch. */
  time(name: string): number | undefined;
  object(name: string): Readonly<Record<string, unknown>> | undefined;
  rest(): Record<string, unknown>;
}

export function detailsOf(facts: AuditEvent['detail']): Details {
  const left = new Map<string, unknown>(Object.entries(facts));
  const take = <T>(name: string, read: (fact: unknown) => T | undefined): T | undefined => {
    const found = read(left.get(name));
    if (found !== undefined) left.delete(name);
    return found;
  };
  return {
    text: (name) => take(name, (fact) => (typeof fact === 'string' && fact !== '' ? fact : undefined)),
    integer: (name) => take(name, (fact) => (Number.isSafeInteger(fact) ? (fact as number) : undefined)),
    time: (name) => take(name, timeOf),
    object: (name) => take(name, (fact) => (isObject(fact) ? fact : undefined)),
    rest: () => Object.fromEntries(left),
  };
}

function timeOf(fact: unknown): number | undefined {
  const time = typeof fact === 'string' ? Date.parse(fact) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

const isObject = (fact: unknown): fact is Record<string, unknown> =>
  typeof fact === 'object' && fact !== null && !Array.isArray(fact);

/** The members that are there; undefined where none is. */
export function present<T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } | undefined {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> });
}
