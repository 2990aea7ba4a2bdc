/** What a page showed about what its form does, e.g. `{ form: 'consent', user: 'usr_…', scopes: ['notes.read'] }`. */
export type Shown = Readonly<Record<string, string | null | readonly string[]>>;

/** @returns a form field's text; the same for the same facts, whatever their order */
export function writeShown(shown: Shown): string {
  return Buffer.from(JSON.stringify(ordered(shown))).toString('base64url');
}

/**
 * Compares what a page showed with how it is now (S35).
 * @param text of a form whose token was checked: nobody else wrote it
 * @returns the names of the facts that differ; of all of them when the text cannot be read
 */
export function changedSince(text: string, now: Shown): readonly string[] {
  const shown = readShown(text);
  const names = [...new Set([...Object.keys(shown), ...Object.keys(now)])];
  return names.filter((name) => JSON.stringify(shown[name]) !== JSON.stringify(now[name]));
}

function readShown(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  } catch {
    return {}; // a page of an earlier version: everything counts as changed
  }
}

function ordered(shown: Shown): Shown {
  return Object.fromEntries(Object.entries(shown).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
