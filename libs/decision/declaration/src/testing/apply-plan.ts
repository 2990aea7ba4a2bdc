import { documentKey, type Document } from '@sallyport/configuration';
import type { FieldChange, Plan } from '../plan/plan.js';

type Key = string | number;

/** Carries out a plan by what it says alone, to find out whether it says everything. */
export function applyPlan(stored: readonly Document[], plan: Plan): Document[] {
  const documents = new Map<string, unknown>(stored.map((document) => [documentKey(document), document]));
  for (const { action, kind, name, fields } of plan.changes) {
    const key = documentKey({ kind, name });
    if (action === 'delete') documents.delete(key);
    else documents.set(key, applyFields(documents.get(key) ?? { kind, name, spec: {} }, fields));
  }
  return [...documents.values()] as Document[];
}

function applyFields(document: unknown, fields: readonly FieldChange[]): unknown {
  const changed = structuredClone(document);
  for (const field of fields) if (field.path !== 'metadata.set') applyField(changed, keysOf(field.path), field);
  return changed;
}

/** `spec.tools.0."a.b"` → `['spec', 'tools', 0, 'a.b']`, where a list has places. */
function keysOf(path: string): string[] {
  return [...path.matchAll(/"(?:[^"\\]|\\.)*"|[^.]+/g)].map(([part]) =>
    part.startsWith('"') ? String(JSON.parse(part)) : part,
  );
}

function applyField(document: unknown, keys: readonly string[], { before, after }: FieldChange): void {
  const parent = keys.slice(0, -1).reduce<unknown>((part, key) => (part as Record<Key, unknown>)[key], document);
  const last = keys.at(-1) ?? '';
  if (Array.isArray(parent)) {
    if (after === undefined) parent.splice(Number(last), 1);
    else parent.splice(Number(last), before === undefined ? 0 : 1, after);
  } else if (after === undefined) delete (parent as Record<Key, unknown>)[last];
  else (parent as Record<Key, unknown>)[last] = after;
}
