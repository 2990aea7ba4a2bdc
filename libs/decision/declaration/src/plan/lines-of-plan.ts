import type { FieldChange, Plan, PlannedChange } from './plan.js';

/** One line of a plan as text. `sign` is what a terminal may colour by; it is the beginning of `text`. */
export interface PlanLine {
  readonly sign: '+' | '~' | '-' | '!' | ' ';
  readonly text: string;
}

/** Says where a field of a document stands, as `file:line:col`; `undefined` when it stands in no file. */
export type LocateField = (
  document: { readonly kind: string; readonly name: string },
  path: string,
) => string | undefined;

const SIGNS = { create: '+', update: '~', delete: '-', 'take-over': '~' } as const;
const MAX_TEXT = 200;

/**
 * Writes a plan for people: a line per field that changes (`~ policies.yaml:9:5  AccessPolicy notes  spec.when: "a" →
 * "b"`), a line per document that comes or goes, then the warnings and a summary.
 * @param locate where a field stands now; without it, a line names where its document stands
 */
export function linesOfPlan(plan: Plan, locate: LocateField = () => undefined): PlanLine[] {
  return [
    ...plan.changes.flatMap((change) => linesOfChange(change, locate)),
    ...plan.warnings.map(({ document, field, message }) => {
      const at = locate(document, field);
      return line('!', at, `${document.kind} ${document.name}  ${field}: ${message}`);
    }),
    { sign: ' ', text: summaryOf(plan) },
  ];
}

const line = (sign: PlanLine['sign'], at: string | undefined, text: string): PlanLine => ({
  sign,
  text: `${sign} ${at === undefined ? '' : `${at}  `}${text}`,
});

function linesOfChange(change: PlannedChange, locate: LocateField): PlanLine[] {
  const { action, kind, name, fields } = change;
  const sign = SIGNS[action];
  if (action === 'create' || action === 'delete')
    return [line(sign, (action === 'create' ? locate(change, 'kind') : undefined) ?? change.origin, `${kind} ${name}`)];
  return fields.map((field) =>
    line(sign, locate(change, field.path) ?? change.origin, `${kind} ${name}  ${field.path}: ${textOfField(field)}`),
  );
}

function textOfField(field: FieldChange): string {
  if (field.path === 'metadata.set') return `${ownerOf(field.before)} → ${ownerOf(field.after)} (taken over)`;
  const has = (side: 'before' | 'after') => field[side] !== undefined;
  if (field.secret && !has('before') && !has('after')) return '(secret, changed)';
  const secret = field.secret ? ' (secret)' : '';
  if (!has('before')) return `${shown(field.after)} (added)${secret}`;
  if (!has('after')) return `${shown(field.before)} (removed)${secret}`;
  return `${shown(field.before)} → ${shown(field.after)}${secret}`;
}

const ownerOf = (set: unknown): string => (typeof set === 'string' ? `set ${set}` : 'by hand');

/** On one line, with what nobody would see as an escape, and not the whole of what is long. */
function shown(value: unknown): string {
  const text = JSON.stringify(value).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

function summaryOf({ changes, unchanged, left, set }: Plan): string {
  const count = (action: PlannedChange['action']) => changes.filter((change) => change.action === action).length;
  const parts = [
    `${count('create')} to create`,
    `${count('update')} to update`,
    `${count('delete')} to delete`,
    ...(count('take-over') > 0 ? [`${count('take-over')} to take over`] : []),
    `${unchanged} unchanged`,
  ];
  const owner = set === null ? 'by hand' : `set ${set}`;
  const start = changes.length === 0 ? `No changes (${owner}): ` : `Plan (${owner}): `;
  const kept =
    left.length > 0
      ? ` ${left.length} of the set ${left.length === 1 ? 'is' : 'are'} not in the files and ` +
        `${left.length === 1 ? 'stays' : 'stay'}: --prune deletes what is not.`
      : '';
  return `${start}${parts.join(', ')}.${kept}`;
}
