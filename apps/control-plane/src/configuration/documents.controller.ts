import { Controller, Inject, NotFoundException, Res } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import { RequestRefused } from '@sallyport/http';
import type { FastifyReply } from 'fastify';
import { By, type Administrator } from '../admin/administrators.js';
import { Serve } from '../admin/serve.js';
import { answerWrite, WRITES, type WriteParts } from './answer-write.js';
import type { DocumentName, Precondition } from './change-sets/change-request.js';
import { DocumentReader } from './change-sets/document-reader.js';
import { readDocuments } from './change-sets/read-documents.js';
import type { StoredDocument } from './change-sets/stored-configuration.js';
import { wordRefusal } from './change-sets/word-refusal.js';
import { changeShown, summaryShown } from './history-shown.js';

/** Reads and writes documents one by one. */
@Controller()
export class DocumentsController {
  constructor(
    @Inject(DocumentReader) private readonly documents: DocumentReader,
    @Inject(WRITES) private readonly writes: WriteParts,
  ) {}

  @Serve(routes.listDocuments)
  async list({ query }: Asked<'listDocuments'>): Promise<Answered<'listDocuments'>> {
    const { kind, set, byHand = false, name: prefix, limit, cursor } = query;
    const where = { kind, prefix, set: byHand ? null : set };
    const documents = await this.documents.list(where, { limit, after: documentAt(cursor) });
    const last = documents.length === limit ? documents.at(-1)?.document : undefined;
    return {
      ...(await this.documents.position()),
      documents: documents.map(documentShown),
      next: last === undefined ? null : `${last.kind}/${last.name}`,
    };
  }

  @Serve(routes.readDocument)
  async read(
    { params }: Asked<'readDocument'>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answered<'readDocument'>> {
    const stored = await this.documents.find(params);
    if (stored === undefined) throw new NotFoundException('There is no such document.');
    void reply.header('etag', etagOf(stored.revision));
    return documentShown(stored);
  }

  @Serve(routes.writeDocument)
  async write(
    { params, query, headers, body }: Asked<'writeDocument'>,
    @By() administrator: Administrator,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answered<'writeDocument'>> {
    const { puts, secrets, errors } = readDocuments([{ ...params, spec: body.spec, pointer: '' }], body.secrets);
    if (errors.length > 0) throw wordRefusal({ type: 'invalid-documents', errors });
    const written = await answerWrite(
      this.writes,
      administrator,
      {
        source: 'api',
        set: null,
        puts,
        secrets,
        precondition: preconditionOf(params, headers),
        takeOver: query.takeOver ?? false,
        force: query.force ?? false,
        note: body.note,
      },
      query,
      reply,
    );
    const revision = written.changed ? written.revision : (await this.documents.find(params))?.revision;
    if (revision !== undefined && query.dryRun !== true) void reply.header('etag', etagOf(revision));
    return written;
  }

  @Serve(routes.deleteDocument)
  async delete(
    { params, query, headers }: Asked<'deleteDocument'>,
    @By() administrator: Administrator,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answered<'deleteDocument'>> {
    const precondition = preconditionOf(params, headers);
    if ((await this.documents.find(params)) === undefined) throw new NotFoundException('There is no such document.');
    return answerWrite(
      this.writes,
      administrator,
      {
        source: 'api',
        set: null,
        puts: [],
        deletes: [params],
        secrets: new Map(),
        precondition,
        takeOver: query.takeOver ?? false,
        force: query.force ?? false,
        note: query.note,
      },
      query,
      reply,
    );
  }

  @Serve(routes.listDocumentHistory)
  async history({ params, query }: Asked<'listDocumentHistory'>): Promise<Answered<'listDocumentHistory'>> {
    const { limit, cursor } = query;
    const changes = await this.documents.historyOf(params, { limit, before: revisionAt(cursor) });
    const summaries = await this.documents.summaries(changes.map(({ revision }) => revision));
    return {
      changes: changes.flatMap((change) => {
        const summary = summaries.get(change.revision);
        return summary === undefined ? [] : [{ ...changeShown(change), changeSet: summaryShown(summary) }];
      }),
      next: changes.length === limit ? String(changes.at(-1)?.revision) : null,
    };
  }

  @Serve(routes.revertDocument)
  async revert(
    { params, query, body }: Asked<'revertDocument'>,
    @By() administrator: Administrator,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answered<'revertDocument'>> {
    const { to, set, takeOver, force, note, secrets: given } = body;
    const [then] = await this.documents.historyOf(params, { limit: 1, to });
    const stored = await this.documents.find(params);
    const wanted = then === undefined ? await this.documents.firstKnown(params) : then.after;
    if (stored === undefined && wanted === null) throw new NotFoundException('There was no such document.');
    const sent = wanted === null ? [] : [{ ...params, spec: wanted.spec, pointer: '' }];
    const { puts, secrets, errors } = readDocuments(sent, given);
    if (errors.length > 0) throw wordRefusal({ type: 'invalid-documents', errors });
    const deletes = wanted === null ? [params] : [];
    const is = stored === undefined ? 'absent' : { revision: stored.revision };
    const how = { precondition: { ...params, is }, takeOver, force, note } as const;
    return answerWrite(
      this.writes,
      administrator,
      { source: 'revert', set, puts, deletes, secrets, ...how },
      query,
      reply,
    );
  }
}

const etagOf = (revision: number): string => `"${revision}"`;

/**
 * What the document must be like. A weak entity tag matches nothing here (RFC 9110 section 13.1.1).
 * @throws {RequestRefused} 428 where the request does not say
 */
function preconditionOf(
  { kind, name }: DocumentName,
  headers: { readonly 'if-match'?: string | undefined; readonly 'if-none-match'?: string | undefined },
): Precondition {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  if (match === '*') return { kind, name, is: 'there' };
  if (match !== undefined) return { kind, name, is: { revision: Number(/^"(\d{1,9})"$/.exec(match)?.[1] ?? -1) } };
  if (noneMatch === '*') return { kind, name, is: 'absent' };
  throw new RequestRefused({
    status: 428,
    detail: 'Say what the document must be like: If-Match with its ETag, or If-None-Match: * for a new one.',
  });
}

export function documentAt(cursor: string | undefined): DocumentName | undefined {
  const [kind, name] = cursor?.split('/') ?? [];
  return kind === undefined || name === undefined ? undefined : { kind, name };
}

export function revisionAt(cursor: string | undefined): number | undefined {
  return cursor !== undefined && /^\d{1,9}$/.test(cursor) ? Number(cursor) : undefined;
}

function documentShown({ document, set, origin, revision, changedAt, changedBy }: StoredDocument) {
  const { kind, name, spec } = document;
  return {
    kind,
    name,
    metadata: { set, origin, revision, changedAt: changedAt.toISOString(), changedBy },
    spec: { ...spec },
  };
}
