import type { RecordEvent } from '@sallyport/trail';
import type { DocumentName, OwnedDocument } from './change-request.js';
import type { PreparedChange } from './prepare-change.js';

/** Characters of the names of documents in one event; the change itself has them all. */
const MAX_NAMES = 1_000;

/** Records that documents changed, and which of them belonged to a set whose writer did not write this (drift). */
export async function tellOfChange(record: RecordEvent, change: PreparedChange, revision: number): Promise<void> {
  const { request, puts, deletes, plan } = change;
  const { actor, set, source, note } = request;
  const count = (action: string) => plan.changes.filter((one) => one.action === action).length;
  const servers = new Set(
    plan.changes.flatMap(({ kind, name }) => (kind === 'McpServer' || kind === 'ApprovedTools' ? [name] : [])),
  );
  await record({
    type: 'configuration.changed',
    ...whoOf(actor),
    server: plan.changes.length === 1 ? [...servers][0] : undefined,
    detail: {
      revision,
      source,
      actor: `${actor.type}:${actor.id}`,
      ...(set !== null && { set }),
      created: count('create'),
      updated: count('update') + count('take-over'),
      deleted: count('delete'),
      ...(note !== undefined && { note }),
    },
  });
  const drifted = [
    ...puts.flatMap(({ document: { kind, name }, before }) => ({ kind, name, set: before?.set ?? null })),
    ...deletes.map(({ document: { kind, name }, set: owner }) => ({ kind, name, set: owner })),
  ].filter((document) => document.set !== null && document.set !== set);
  await tellOfDrift(record, drifted, { request, revision, how: 'changed by somebody else' });
}

/** Records that a start left alone what somebody else changed. */
export async function tellOfLeft(
  record: RecordEvent,
  { request, left }: PreparedChange,
  revision: number,
): Promise<void> {
  await tellOfDrift(
    record,
    left.map((document) => ({ ...document, set: request.set })),
    { request, revision, how: 'not undone at the start' },
  );
}

/** One event for each set whose documents are another's now. */
async function tellOfDrift(
  record: RecordEvent,
  drifted: readonly OwnedDocument[],
  { request: { actor }, revision, how }: { request: PreparedChange['request']; revision: number; how: string },
): Promise<void> {
  for (const set of new Set(drifted.map((document) => document.set))) {
    const documents = drifted.filter((document) => document.set === set);
    await record({
      type: 'configuration.drifted',
      ...whoOf(actor),
      reason: how,
      detail: {
        revision,
        actor: `${actor.type}:${actor.id}`,
        set: set ?? '',
        count: documents.length,
        documents: namesOf(documents),
      },
    });
  }
}

const whoOf = ({ type, id, name }: PreparedChange['request']['actor']) => ({
  ...(type === 'user' && { userId: id }),
  ...(type === 'agent' && { clientId: id, ...(name !== undefined && { agentName: name }) }),
});

/** E.g. `McpServer/notes, Role/readers, …`. */
export function namesOf(documents: readonly DocumentName[]): string {
  const text = documents.map(({ kind, name }) => `${kind}/${name}`).join(', ');
  return text.length <= MAX_NAMES ? text : `${text.slice(0, text.lastIndexOf(', ', MAX_NAMES))}, …`;
}
