import { documentKey, type Document } from '@sallyport/configuration';
import { planChanges, problemsOf, secretSourcesOf, type Plan, type PlannedChange } from '@sallyport/declaration';
import { pointerOf } from '@sallyport/http';
import type {
  ChangeRefusal,
  ChangeRequest,
  DocumentError,
  DocumentName,
  OwnedDocument,
  Put,
  RefusedDocument,
} from './change-request.js';
import { lockedOut } from './lock-out.js';
import { secretChangesOf } from './secret-changes.js';
import type { StoredConfiguration, StoredDocument } from './stored-configuration.js';
import type { SealedSecrets, SecretChanges } from './stored-secrets.js';

/** What a change is prepared from: all of one revision. */
export interface Surroundings {
  readonly stored: StoredConfiguration;
  readonly sealed: SealedSecrets;
  /** `<Kind>/<name>` of documents that somebody else deleted from the writer's set. Only a start asks. */
  readonly deletedByOthers: ReadonlySet<string>;
}

/** A change that may be made, to documents as they were at `stored`. */
export interface PreparedChange {
  readonly type: 'prepared';
  readonly request: ChangeRequest;
  readonly stored: StoredConfiguration;
  readonly puts: readonly (Put & { readonly action: PlannedChange['action']; readonly before?: StoredDocument })[];
  readonly deletes: readonly StoredDocument[];
  /** What is stored as it is wanted, and stands elsewhere in its set now. */
  readonly moved: readonly Put[];
  readonly secrets: SecretChanges;
  readonly plan: Plan;
  /** Documents that belong to somebody else, and were left alone. */
  readonly left: readonly OwnedDocument[];
  /** What the writer may not write of it. There is none in what is written: such a change is refused. */
  readonly refused: readonly RefusedDocument[];
  /** Names of secrets whose given value was not compared with the stored one: it is not the writer's to know. */
  readonly uncompared: readonly string[];
}

/** What a change is prepared for: to be written, or for somebody to see what it would do. */
export type Purpose = 'to write' | 'to show';

/**
 * Decides whether a change may be made and what of it there is to do. Every writer's change comes through here: it is
 * based on what is in force, touches only what belongs to the writer, leaves a configuration that is valid as a whole,
 * is the writer's to make, and leaves somebody who administers.
 */
export function prepareChange(
  asked: ChangeRequest,
  { stored, sealed, deletedByOthers }: Surroundings,
  purpose: Purpose = 'to write',
): PreparedChange | ChangeRefusal {
  const { base, set } = asked;
  const current = { epoch: stored.epoch, revision: stored.revision };
  if (base !== undefined && (base.epoch !== stored.epoch || base.revision < stored.changedAt))
    return { type: 'base-moved', current };
  const failed = failedPrecondition(asked, stored);
  if (failed) return failed;
  const { request, left } =
    asked.others === 'leave' ? withoutOthers(asked, stored, deletedByOthers) : { request: asked, left: [] };
  const before = [...stored.documents.values()].map(({ document }) => document);
  const others = secretsOfOthers(request, stored, before);
  if (others.documents.length > 0 && purpose === 'to write')
    return { type: 'not-permitted', documents: others.documents };
  const secrets = secretChangesOf(request, stored, sealed, new Set(others.names));
  if (secrets.errors.length > 0) return { type: 'invalid-documents', errors: secrets.errors };

  const repeated = repeatedNames(request.puts);
  if (repeated.length > 0) return { type: 'invalid-documents', errors: repeated };
  const { owned, deletes } = withApprovals(request, stored);
  const { plan, conflicts, resulting } = planChanges({
    stored: owned.map(({ document, set: owner, origin }) => ({ ...document, metadata: { set: owner, origin } })),
    desired: {
      set,
      documents: request.puts.map(({ document, origin }) => ({ ...document, origin: origin ?? undefined })),
      deletes,
      prune: request.prune,
      takeOver: request.takeOver,
      changedSecrets: secrets.changed,
    },
    base: current,
  });
  if (conflicts.length > 0)
    return {
      type: 'owned-elsewhere',
      documents: conflicts.map(({ kind, name, owner }) => ({ kind, name, set: owner })),
    };
  const errors = plan.changes.length === 0 ? [] : errorsOf(before, resulting, request);
  if (errors.length > 0) return { type: 'invalid-documents', errors };
  const refused = notPermitted(request, plan, stored, before);
  if (refused.length > 0 && purpose === 'to write') return { type: 'not-permitted', documents: refused };
  const lockOut = wouldLockOut(request, before, resulting);
  if (lockOut) return lockOut;
  return {
    type: 'prepared',
    request,
    stored,
    plan,
    left,
    refused,
    uncompared: others.names,
    ...work(request, plan, stored),
    secrets: secrets.of(resulting),
  };
}

function failedPrecondition(
  { precondition }: ChangeRequest,
  { documents }: StoredConfiguration,
): ChangeRefusal | undefined {
  if (precondition === undefined) return undefined;
  const { kind, name, is } = precondition;
  const revision = documents.get(documentKey({ kind, name }))?.revision;
  const holds =
    is === 'absent' ? revision === undefined : is === 'there' ? revision !== undefined : revision === is.revision;
  return holds ? undefined : { type: 'precondition-failed', document: { kind, name }, revision };
}

/**
 * For a writer who is not there to be asked: leaves out what belongs to somebody else. Takes over what somebody wrote
 * by hand exactly as the writer has it, because nothing of it is undone.
 */
function withoutOthers(
  request: ChangeRequest,
  { documents }: StoredConfiguration,
  deletedByOthers: ReadonlySet<string>,
): { readonly request: ChangeRequest; readonly left: readonly OwnedDocument[] } {
  const left: OwnedDocument[] = [];
  const puts = request.puts.filter(({ document }) => {
    const key = documentKey(document);
    const stored = documents.get(key);
    const isOurs =
      stored === undefined
        ? !deletedByOthers.has(key)
        : stored.set === request.set || (stored.set === null && isSame(stored.document, document));
    if (!isOurs) left.push({ kind: document.kind, name: document.name, set: stored?.set ?? null });
    return isOurs;
  });
  const names = new Set(puts.flatMap(({ document }) => secretSourcesOf(document).map(({ name }) => name)));
  const secrets = new Map([...request.secrets].filter(([name]) => names.has(name)));
  return { request: { ...request, puts, secrets, takeOver: true }, left };
}

const isSame = (one: Document, other: Document): boolean => JSON.stringify(one.spec) === JSON.stringify(other.spec);

function repeatedNames(puts: readonly Put[]): DocumentError[] {
  const seen = new Set<string>();
  return puts.flatMap(({ document, pointer }) => {
    const key = documentKey(document);
    const isRepeated = seen.has(key);
    seen.add(key);
    return isRepeated ? [{ pointer, message: `is there twice: ${key}`, kind: document.kind, name: document.name }] : [];
  });
}

/** What somebody approved by hand of a server's tools goes with the server: it means nothing without. */
function withApprovals(
  { set, puts, deletes = [], prune = false }: ChangeRequest,
  { documents }: StoredConfiguration,
): { readonly owned: readonly StoredDocument[]; readonly deletes: readonly DocumentName[] } {
  const wanted = new Set(puts.map(({ document }) => documentKey(document)));
  const named = new Set(deletes.map(documentKey));
  const goes = (stored: StoredDocument | undefined): boolean =>
    stored !== undefined &&
    !wanted.has(documentKey(stored.document)) &&
    (named.has(documentKey(stored.document)) || (prune && stored.set === set));
  const approvals = [...documents.values()].filter(
    ({ document: { kind, name }, set: owner }) =>
      kind === 'ApprovedTools' && owner === null && goes(documents.get(documentKey({ kind: 'McpServer', name }))),
  );
  const go = new Set(approvals);
  return {
    owned: [...documents.values()].map((stored) => (go.has(stored) ? { ...stored, set } : stored)),
    deletes: [...deletes, ...approvals.map(({ document: { kind, name } }) => ({ kind, name }))],
  };
}

/** What is wrong with all documents together, but for what was wrong before and is nobody's doing now. */
function errorsOf(
  before: readonly Document[],
  resulting: readonly Document[],
  { puts }: ChangeRequest,
): DocumentError[] {
  const problems = problemsOf(resulting);
  if (problems.length === 0) return [];
  const written = new Map(puts.map((put) => [documentKey(put.document), put]));
  const textOf = ({ document, path, message }: (typeof problems)[number]) =>
    [documentKey(document), ...path, message].join('\n');
  const known = new Set(problemsOf(before).map(textOf));
  return problems
    .filter((problem) => written.has(documentKey(problem.document)) || !known.has(textOf(problem)))
    .map(({ document: { kind, name }, path, message }) => {
      const put = written.get(documentKey({ kind, name }));
      return {
        pointer: put === undefined ? '' : `${put.pointer}${pointerOf(path)}`,
        message,
        kind,
        name,
        ...(typeof put?.origin === 'string' && { origin: put.origin }),
      };
    });
}

/**
 * The values that were given for secrets of documents which the writer may not write. They are compared with nothing:
 * whether a plan changes something would tell whether somebody guessed them (security rules S29, S30).
 */
function secretsOfOthers(
  { rights, puts, secrets }: ChangeRequest,
  stored: StoredConfiguration,
  before: readonly Document[],
): { readonly documents: readonly RefusedDocument[]; readonly names: readonly string[] } {
  const documents: RefusedDocument[] = [];
  const names: string[] = [];
  for (const { document } of puts) {
    const given = secretSourcesOf(document).filter((secret) => secrets.has(secret.name));
    const change = { before: stored.documents.get(documentKey(document))?.document, after: document };
    if (given.length === 0 || rights.refusalOf(change, before) === undefined) continue;
    const { kind, name } = document;
    documents.push({ kind, name, message: `You may not write ${kind} "${name}": leave the value of its secret out.` });
    names.push(...given.map((secret) => secret.name));
  }
  return { documents, names };
}

function notPermitted(
  { rights, puts }: ChangeRequest,
  { changes }: Plan,
  { documents }: StoredConfiguration,
  before: readonly Document[],
): RefusedDocument[] {
  const wanted = new Map(puts.map(({ document }) => [documentKey(document), document]));
  return changes.flatMap(({ kind, name, action }) => {
    const key = documentKey({ kind, name });
    const after = action === 'delete' ? undefined : wanted.get(key);
    const message = rights.refusalOf({ before: documents.get(key)?.document, after }, before);
    return message === undefined ? [] : [{ kind, name, message }];
  });
}

function wouldLockOut(
  { force = false, rights }: ChangeRequest,
  before: readonly Document[],
  resulting: readonly Document[],
): ChangeRefusal | undefined {
  const who = force ? undefined : lockedOut(before, resulting, rights);
  return who === undefined ? undefined : { type: 'would-lock-out', who };
}

function work(
  { puts }: ChangeRequest,
  { changes }: Plan,
  { documents }: StoredConfiguration,
): Pick<PreparedChange, 'puts' | 'deletes' | 'moved'> {
  const actions = new Map(changes.map((change) => [documentKey(change), change.action]));
  const of = (name: DocumentName) => documents.get(documentKey(name));
  return {
    puts: puts.flatMap((put) => {
      const action = actions.get(documentKey(put.document));
      const before = of(put.document);
      return action === undefined ? [] : [{ ...put, action, ...(before && { before }) }];
    }),
    deletes: changes.flatMap((change) => (change.action === 'delete' ? (of(change) ?? []) : [])),
    moved: puts.filter(
      (put) => !actions.has(documentKey(put.document)) && put.origin !== (of(put.document)?.origin ?? null),
    ),
  };
}
