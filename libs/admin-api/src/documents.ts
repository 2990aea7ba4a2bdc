import { Plan } from '@sallyport/declaration';
import { z } from 'zod';
import { Actor } from './actor.js';
import { Flag, idempotent, Moment, PageSize, Reason, Revision, text } from './fields.js';
import { route } from './route.js';

/** Of a change set: five thousand policies and their servers are a few of it. */
export const MAX_CHANGE_SET_BYTES = 32 * 1024 * 1024;
const MAX_DOCUMENTS = 20_000;

export const SetName = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case letters, digits and single hyphens');
const Kind = text(64);
const Name = text(256);
const Place = text(300);
/** A document's spec. In place of a reference to a secret it may have the secret: `{ value: "…" }`. */
const Spec = z.record(z.string(), z.unknown());
/** Values of secrets by `<Kind>/<name>/<field>`. No answer ever has one. */
const Secrets = z.record(z.string().max(400), z.string().min(1).max(65_536)).default({});
const Cursor = text(400);

/** A document with who owns and who changed it. */
export const StoredDocument = z.object({
  kind: z.string(),
  name: z.string(),
  metadata: z.object({
    /** The set of documents kept as code that owns it; null: written by hand. */
    set: z.string().nullable(),
    /** Where it stands in its set, e.g. `policies.yaml:12`. */
    origin: z.string().nullable(),
    /** The revision that changed it last: its `ETag` is this number in quotes. */
    revision: z.int(),
    changedAt: Moment,
    changedBy: Actor.nullable(),
  }),
  spec: z.record(z.string(), z.unknown()),
});
export type StoredDocument = z.infer<typeof StoredDocument>;

/** How far a change came, for whoever waited (`wait=live`). */
export const Live = z.object({
  /** Every gateway and authorization server that runs decides by it. Else it follows by itself. */
  isLive: z.boolean(),
  /** How many of them run. */
  replicas: z.int(),
  waitedMs: z.int(),
  /** Those that run and have not reported it, e.g. `gateway/gateway-2`. */
  behind: z.array(z.string()),
  /** Those that were heard lately and are not now. */
  silent: z.array(z.string()),
});
export type Live = z.infer<typeof Live>;

/** What was written, or what would be with `dryRun=true`. */
export const WrittenChangeSet = z.object({
  epoch: z.string(),
  revision: z.int(),
  changed: z.boolean(),
  plan: Plan,
  live: Live.optional(),
});
export type WrittenChangeSet = z.infer<typeof WrittenChangeSet>;

/** How something is written. */
const writing = {
  /** Only says what would change. */
  dryRun: Flag.optional(),
  /** `live`: answers when every gateway that runs has the change, or after some seconds. */
  wait: z.literal('live').optional(),
};
/** What a writer insists on. */
const insisting = {
  /** Changes documents that belong to somebody else. They belong to this writer from then on. */
  takeOver: z.boolean().optional(),
  /** Makes the change although it leaves nobody who administers, or not the writer. */
  force: z.boolean().optional(),
};
const Base = z.strictObject({ epoch: z.string().max(64), revision: Revision });

export const ChangeSetRequest = z.strictObject({
  /** The set of documents kept as code that these belong to; null: written by hand. */
  set: SetName.nullable(),
  /** The revision the change is based on: refused when documents changed since. */
  base: Base.optional(),
  documents: z
    .array(z.strictObject({ kind: Kind, name: Name, spec: Spec, origin: Place.optional() }))
    .max(MAX_DOCUMENTS),
  deletes: z
    .array(z.strictObject({ kind: Kind, name: Name }))
    .max(MAX_DOCUMENTS)
    .optional(),
  /** Deletes documents of the set that are not among these. */
  prune: z.boolean().optional(),
  ...insisting,
  note: Reason.optional(),
  secrets: Secrets,
});
export type ChangeSetRequest = z.infer<typeof ChangeSetRequest>;

/** A change set as history has it. */
const ChangeSetSummary = z.object({
  epoch: z.string(),
  revision: z.int(),
  at: Moment,
  actor: Actor,
  set: z.string().nullable(),
  /** By which way it came. */
  source: z.string(),
  note: z.string().nullable(),
  puts: z.int(),
  deletes: z.int(),
});
const RecordedChange = z.object({
  kind: z.string(),
  name: z.string(),
  action: z.enum(['create', 'update', 'delete', 'take-over']),
  before: z.object({ set: z.string().nullable(), spec: Spec }).nullable(),
  after: z.object({ set: z.string().nullable(), spec: Spec }).nullable(),
  /** The fields whose secret got another value. */
  secrets: z.array(z.string()),
});

const RevisionNumber = z
  .string()
  .regex(/^\d{1,9}$/, 'must be the number of a revision')
  .transform(Number);
const named = z.strictObject({ kind: Kind, name: Name });
const preconditions = z.object({
  'if-match': z.string().max(256).optional(),
  'if-none-match': z.string().max(256).optional(),
});
const etag = { etag: 'The document\'s revision in quotes, e.g. "17".' };
const refusals = {
  403: 'The writer may not make this change.',
  409: 'Documents changed since the base, belong to somebody else, or nobody would administer any more.',
  422: 'The documents are not valid, alone or with all others. Or the Idempotency-Key was used for something else.',
};
const conditional = {
  ...refusals,
  412: 'The document is not as the request says.',
  428: 'Say what the document must be like: If-Match with its ETag, or If-None-Match: * for a new one.',
};
const query = z.strictObject({ cursor: Cursor.optional(), limit: PageSize });

export const documentRoutes = {
  listDocuments: route({
    method: 'GET',
    path: '/v1/documents',
    permission: 'configuration:read',
    summary: 'Lists documents by kind and name, with who owns and who changed them.',
    query: query.extend({
      kind: Kind.optional(),
      set: SetName.optional(),
      /** `true`: only documents that no set owns. */
      byHand: Flag.optional(),
      /** What the name begins with. */
      name: Name.optional(),
    }),
    answers: {
      200: z.object({
        epoch: z.string(),
        revision: z.int(),
        documents: z.array(StoredDocument),
        next: z.string().nullable(),
      }),
    },
  }),
  readDocument: route({
    method: 'GET',
    path: '/v1/documents/:kind/:name',
    permission: 'configuration:read',
    summary: 'Reads one document.',
    params: named,
    answers: { 200: StoredDocument },
    answerHeaders: etag,
    problems: { 404: 'There is no such document.' },
  }),
  writeDocument: route({
    method: 'PUT',
    path: '/v1/documents/:kind/:name',
    permission: 'configuration:write',
    summary: 'Writes one document by hand. It must be as If-Match says, or new (If-None-Match: *).',
    params: named,
    query: z.strictObject({ ...writing, takeOver: Flag.optional(), force: Flag.optional() }),
    headers: preconditions,
    body: z.strictObject({ spec: Spec, note: Reason.optional(), secrets: Secrets }),
    answers: { 200: WrittenChangeSet },
    answerHeaders: etag,
    problems: conditional,
  }),
  deleteDocument: route({
    method: 'DELETE',
    path: '/v1/documents/:kind/:name',
    permission: 'configuration:write',
    summary: 'Deletes one document. It must be as If-Match says.',
    params: named,
    query: z.strictObject({
      ...writing,
      takeOver: Flag.optional(),
      force: Flag.optional(),
      note: Reason.optional(),
    }),
    headers: preconditions,
    answers: { 200: WrittenChangeSet },
    problems: { ...conditional, 404: 'There is no such document.' },
  }),
  listDocumentHistory: route({
    method: 'GET',
    path: '/v1/documents/:kind/:name/history',
    permission: 'configuration:read',
    summary: 'Lists what became of one document, newest first.',
    params: named,
    query,
    answers: {
      200: z.object({
        changes: z.array(RecordedChange.extend({ changeSet: ChangeSetSummary })),
        next: z.string().nullable(),
      }),
    },
  }),
  revertDocument: route({
    method: 'POST',
    path: '/v1/documents/:kind/:name/revert',
    permission: 'configuration:write',
    summary: 'Writes a document again as it was at a revision, or deletes it where it was not there yet.',
    params: named,
    query: z.strictObject(writing),
    headers: idempotent,
    body: z.strictObject({
      to: Revision,
      set: SetName.nullable().default(null),
      ...insisting,
      note: Reason.optional(),
      secrets: Secrets,
    }),
    answers: { 200: WrittenChangeSet },
    problems: { ...refusals, 404: 'There was no such document, then or now.' },
  }),
};

/** What a change set would do, and what of it whoever asked could not do. */
const ShownPlan = z.object({
  epoch: z.string(),
  revision: z.int(),
  plan: Plan,
  /** What whoever asked may not write. */
  refused: z.array(z.object({ kind: z.string(), name: z.string(), message: z.string() })),
  /** Secrets whose given value was not compared with the stored one, since they are not the asker's to write. */
  uncompared: z.array(z.string()),
});

export const changeSetRoutes = {
  planChangeSet: route({
    method: 'POST',
    path: '/v1/plans',
    permission: 'configuration:read',
    summary: 'Says what a change set would do, also to who may not make it. Writes nothing.',
    body: ChangeSetRequest,
    maxBodyBytes: MAX_CHANGE_SET_BYTES,
    answers: { 200: ShownPlan },
    problems: {
      409: 'Documents changed since the base, belong to somebody else, or nobody would administer any more.',
      422: 'The documents are not valid, alone or with all others.',
    },
  }),
  applyChangeSet: route({
    method: 'POST',
    path: '/v1/change-sets',
    permission: 'configuration:write',
    summary: 'Writes documents that take effect together, wholly or not at all.',
    query: z.strictObject(writing),
    headers: idempotent,
    body: ChangeSetRequest,
    maxBodyBytes: MAX_CHANGE_SET_BYTES,
    answers: { 200: WrittenChangeSet },
    problems: refusals,
  }),
  listChangeSets: route({
    method: 'GET',
    path: '/v1/change-sets',
    permission: 'configuration:read',
    summary: 'Lists who changed documents, newest first.',
    query: query.extend({ set: SetName.optional() }),
    answers: { 200: z.object({ changeSets: z.array(ChangeSetSummary), next: z.string().nullable() }) },
  }),
  readChangeSet: route({
    method: 'GET',
    path: '/v1/change-sets/:revision',
    permission: 'configuration:read',
    summary: 'Reads what one change set did: each document before and after, by kind and name.',
    params: z.strictObject({ revision: RevisionNumber }),
    query,
    answers: {
      200: ChangeSetSummary.extend({ changes: z.array(RecordedChange), next: z.string().nullable() }),
    },
    problems: { 404: 'There is no such change set.' },
  }),
  revertChangeSet: route({
    method: 'POST',
    path: '/v1/change-sets/:revision/revert',
    permission: 'configuration:write',
    summary: 'Undoes a whole change set. Refused where one of its documents changed since, unless forced.',
    params: z.strictObject({ revision: RevisionNumber }),
    query: z.strictObject(writing),
    headers: idempotent,
    body: z.strictObject({
      set: SetName.nullable().default(null),
      ...insisting,
      note: Reason.optional(),
      secrets: Secrets,
    }),
    answers: { 200: WrittenChangeSet },
    problems: { ...refusals, 404: 'There is no such change set.' },
  }),
};
