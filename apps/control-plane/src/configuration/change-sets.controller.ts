import { Controller, Inject, NotFoundException, Res } from '@nestjs/common';
import { routes, type ChangeSetRequest, type Answered, type Asked } from '@sallyport/admin-api';
import { documentKey } from '@sallyport/configuration';
import { RequestRefused } from '@sallyport/http';
import type { FastifyReply } from 'fastify';
import { By, type Administrator } from '../admin/administrators.js';
import { Serve } from '../admin/serve.js';
import { REVISION_HEADER } from '../admin/tell-revision.js';
import { answerWrite, WRITES, type AskedChange, type WriteParts } from './answer-write.js';
import { DocumentReader, type RecordedChange } from './change-sets/document-reader.js';
import { readDocuments } from './change-sets/read-documents.js';
import { namesOf } from './change-sets/tell-of-change.js';
import { wordRefusal } from './change-sets/word-refusal.js';
import { documentAt, revisionAt } from './documents.controller.js';
import { changeShown, summaryShown } from './history-shown.js';
import { rightsOf } from './rights.js';

/** Writes documents that take effect together, and reads and undoes what was written. */
@Controller()
export class ChangeSetsController {
  constructor(
    @Inject(DocumentReader) private readonly documents: DocumentReader,
    @Inject(WRITES) private readonly writes: WriteParts,
  ) {}

  @Serve(routes.applyChangeSet)
  async apply(
    { query, body }: Asked<'applyChangeSet'>,
    @By() administrator: Administrator,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answered<'applyChangeSet'>> {
    return answerWrite(this.writes, administrator, changeAsked(body), query, reply);
  }

  @Serve(routes.planChangeSet)
  async plan(
    { body }: Asked<'planChangeSet'>,
    @By() administrator: Administrator,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answered<'planChangeSet'>> {
    const { actor } = administrator;
    const outcome = await this.writes.changeSets.show({ ...changeAsked(body), actor, rights: rightsOf(administrator) });
    if (outcome.type !== 'shown') throw wordRefusal(outcome);
    const { epoch, revision, plan, refused, uncompared } = outcome;
    void reply.header(REVISION_HEADER, String(revision));
    return { epoch, revision, plan, refused: [...refused], uncompared: [...uncompared] };
  }

  @Serve(routes.listChangeSets)
  async list({ query: { limit, cursor, set } }: Asked<'listChangeSets'>): Promise<Answered<'listChangeSets'>> {
    const changeSets = await this.documents.changeSets({ limit, set, before: revisionAt(cursor) });
    const next = changeSets.length === limit ? String(changeSets.at(-1)?.revision) : null;
    return { changeSets: changeSets.map(summaryShown), next };
  }

  @Serve(routes.readChangeSet)
  async read({ params, query }: Asked<'readChangeSet'>): Promise<Answered<'readChangeSet'>> {
    const { limit, cursor } = query;
    const summary = await this.documents.changeSet(params.revision);
    if (summary === undefined) throw new NotFoundException('There is no such change set.');
    const changes = await this.documents.changesOf(params.revision, { limit, after: documentAt(cursor) });
    const last = changes.length === limit ? changes.at(-1) : undefined;
    return {
      ...summaryShown(summary),
      changes: changes.map(changeShown),
      next: last === undefined ? null : documentKey(last),
    };
  }

  @Serve(routes.revertChangeSet)
  async revert(
    { params: { revision }, query, body }: Asked<'revertChangeSet'>,
    @By() administrator: Administrator,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answered<'revertChangeSet'>> {
    const { set, takeOver, force = false, note, secrets: given } = body;
    if ((await this.documents.changeSet(revision)) === undefined)
      throw new NotFoundException('There is no such change set.');
    const changes = await this.documents.changesOf(revision, 'all');
    const later = force ? [] : await this.documents.changedSince(changes, revision);
    if (later.length > 0) throw changedSince(later);
    const base = force ? undefined : await this.documents.position();
    const sent = changes.flatMap(({ kind, name, before }) =>
      before === null ? [] : [{ kind, name, spec: before.spec, pointer: '' }],
    );
    const { puts, secrets, errors } = readDocuments(sent, given);
    if (errors.length > 0) throw wordRefusal({ type: 'invalid-documents', errors });
    const deletes = changes.filter(({ before }) => before === null);
    const change = { source: 'revert', set, base, puts, deletes, takeOver, force, note, secrets } as const;
    return answerWrite(this.writes, administrator, change, query, reply);
  }
}

/** @throws {RequestRefused} where its documents are not valid in themselves */
function changeAsked(body: ChangeSetRequest): AskedChange {
  const { set, base, documents, deletes, prune = false, takeOver, force, note, secrets: given } = body;
  const sent = documents.map((document, place) => ({ ...document, pointer: `/documents/${place}` }));
  const { puts, secrets, errors } = readDocuments(sent, given);
  const all = prune && set === null ? [...errors, PRUNES_NOTHING] : errors;
  if (all.length > 0) throw wordRefusal({ type: 'invalid-documents', errors: all });
  return { source: 'api', set, base, puts, deletes: deletes ?? [], prune, takeOver, force, note, secrets };
}

const PRUNES_NOTHING = {
  pointer: '/prune',
  message: 'needs a set: documents that nobody keeps as code are deleted by name only',
};

function changedSince(documents: readonly RecordedChange[]): RequestRefused {
  const detail =
    `These changed again since: ${namesOf(documents)}. Revert the later changes first, revert single documents, ` +
    'or force it.';
  const members = { documents: documents.map(({ kind, name, revision }) => ({ kind, name, revision })) };
  return new RequestRefused({ status: 409, name: 'changed-since', detail, members });
}
