import { documentKey, type Document } from '@sallyport/configuration';
import { secretSourcesOf } from '../secret-sources.js';
import { warningsOf, type DocumentWarning } from '../warnings-of.js';
import { differencesOf } from './difference.js';
import { textOfPath } from './field-path.js';
import { byKindAndName } from './kind-order.js';
import { normalised } from './normalised.js';
import type {
  DocumentMetadata,
  DocumentReference,
  FieldChange,
  OwnershipConflict,
  Plan,
  PlannedChange,
} from './plan.js';

type Owned = Document & { readonly metadata: Pick<DocumentMetadata, 'set' | 'origin'> };

/** What somebody wants to be so. */
export interface DesiredChanges {
  readonly set: string | null;
  readonly documents: readonly (Document & { readonly origin?: string | undefined })[];
  readonly deletes?: readonly DocumentReference[] | undefined;
  /** Whether documents of the same owner that are not among `documents` are deleted. */
  readonly prune?: boolean | undefined;
  /** Whether documents of another owner are changed, and belong to this one from then on. */
  readonly takeOver?: boolean | undefined;
  /** Secrets whose value is another than the stored one, each as `<Kind>/<name>/<field>`. */
  readonly changedSecrets?: ReadonlySet<string> | undefined;
}

export interface PlannedChanges {
  readonly plan: Plan;
  /** Without any, the plan may be carried out. What is in here is not in the plan. */
  readonly conflicts: readonly OwnershipConflict[];
  /** All documents as the plan leaves them, for `problemsOf`. */
  readonly resulting: readonly Document[];
}

/**
 * Compares what is stored with what is desired. Both sides are completed by their schema first, so that a default that
 * somebody writes out is no change. Touches only documents of the same owner, unless it is to take others over.
 */
export function planChanges({
  stored,
  desired,
  base,
}: {
  readonly stored: readonly Owned[];
  readonly desired: DesiredChanges;
  readonly base: Plan['base'];
}): PlannedChanges {
  const known = new Map(stored.map((document) => [documentKey(document), document]));
  const wanted = new Map(desired.documents.map((document) => [documentKey(document), document]));
  const resulting = new Map<string, Document>([...known].map(([key, document]) => [key, normalised(document)]));
  const before = [...resulting.values()];
  const changes: PlannedChange[] = [];
  const conflicts: OwnershipConflict[] = [];
  let unchanged = 0;

  const mayTouch = (document: Owned, origin: string | undefined): boolean => {
    const owner = document.metadata.set;
    if (owner === desired.set || desired.takeOver === true) return true;
    conflicts.push({ ...referenceTo(document), owner, ...(origin === undefined ? {} : { origin }) });
    return false;
  };
  for (const [key, document] of wanted) {
    const old = known.get(key);
    if (old && !mayTouch(old, document.origin)) continue;
    const next = normalised(document);
    const change = changeOf(old, { document: next, origin: document.origin }, desired);
    if (change === undefined) unchanged++;
    else changes.push(change);
    resulting.set(key, next);
  }
  const remove = (document: Owned): void => {
    const { origin } = document.metadata;
    changes.push({ action: 'delete', ...referenceTo(document), ...(origin === null ? {} : { origin }), fields: [] });
    resulting.delete(documentKey(document));
  };
  for (const key of new Set(desired.deletes?.map(documentKey))) {
    const old = known.get(key);
    if (old && !wanted.has(key) && mayTouch(old, undefined)) remove(old);
  }
  const missing = stored.filter(
    (document) => document.metadata.set === desired.set && isLeftOut(document, wanted, resulting),
  );
  if (desired.prune === true) missing.forEach(remove);

  const after = [...resulting.values()];
  return {
    plan: {
      base,
      set: desired.set,
      changes: changes.toSorted(byKindAndName),
      unchanged,
      left: desired.prune === true || desired.set === null ? [] : missing.map(referenceTo).toSorted(byKindAndName),
      warnings: newWarnings(before, after),
    },
    conflicts: conflicts.toSorted(byKindAndName),
    resulting: after,
  };
}

const referenceTo = ({ kind, name }: DocumentReference): DocumentReference => ({ kind, name });

function isLeftOut(
  document: Document,
  wanted: ReadonlyMap<string, unknown>,
  resulting: ReadonlyMap<string, Document>,
): boolean {
  const key = documentKey(document);
  return !wanted.has(key) && resulting.has(key);
}

/** `undefined` when nothing changes. Where a document stands is no part of it. */
function changeOf(
  old: Owned | undefined,
  { document, origin }: { readonly document: Document; readonly origin: string | undefined },
  { set, changedSecrets }: DesiredChanges,
): PlannedChange | undefined {
  const stands = { ...referenceTo(document), ...(origin === undefined ? {} : { origin }) };
  const fields = fieldsBetween(old && normalised(old), document, changedSecrets ?? new Set());
  if (old === undefined) return { action: 'create', ...stands, fields };
  if (old.metadata.set !== set) {
    const owner: FieldChange = { path: 'metadata.set', before: old.metadata.set, after: set };
    return { action: 'take-over', ...stands, fields: [owner, ...fields] };
  }
  return fields.length === 0 ? undefined : { action: 'update', ...stands, fields };
}

function fieldsBetween(
  old: Document | undefined,
  document: Document,
  changedSecrets: ReadonlySet<string>,
): FieldChange[] {
  const references = [...(old ? secretSourcesOf(old) : []), ...secretSourcesOf(document)];
  const secrets = new Set(references.map(({ path }) => textOfPath(path)));
  const isSecret = (path: string) => secrets.has(path);
  const differences = differencesOf(
    { spec: old?.spec ?? {} },
    { spec: document.spec },
    (path) => path.length > 1 && isSecret(textOfPath(path)),
  );
  const fields = differences.map(({ path, ...values }): FieldChange => {
    const text = textOfPath(path);
    return { path: text, ...values, ...(isSecret(text) ? { secret: true } : {}) };
  });
  if (old === undefined) return fields;
  const told = new Set(fields.map(({ path }) => path));
  const renewed = secretSourcesOf(document)
    .filter(({ name, path }) => changedSecrets.has(name) && !told.has(textOfPath(path)))
    .map(({ path }): FieldChange => ({ path: textOfPath(path), secret: true }));
  return [...fields, ...renewed];
}

function newWarnings(before: readonly Document[], after: readonly Document[]): DocumentWarning[] {
  const textOf = ({ document: { kind, name }, field, message }: DocumentWarning) =>
    [kind, name, field, message].join('\n');
  const known = new Set(warningsOf(before).map(textOf));
  return warningsOf(after).filter((warning) => !known.has(textOf(warning)));
}
