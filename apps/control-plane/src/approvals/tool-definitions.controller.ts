import { Controller, Inject, NotFoundException, ServiceUnavailableException } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import type { DocumentOf } from '@sallyport/configuration';
import { z } from 'zod';
import { By, type Administrator } from '../admin/administrators.js';
import { Serve } from '../admin/serve.js';
import { orRefuse, WRITES, type WriteParts } from '../configuration/answer-write.js';
import { DocumentReader } from '../configuration/change-sets/document-reader.js';
import { ConfigurationPublisher } from '../configuration/configuration-publisher.js';
import { rightsOf } from '../configuration/rights.js';
import { PostgresDocumentStore } from '../configuration/document-store.js';
import { publishedInTime } from '../configuration/published-in-time.js';
import { PostgresEventStore } from '../trail/event-store.js';
import type { StoredEvent } from '../trail/event-store.js';

const Hints = z
  .object({
    readOnlyHint: z.boolean(),
    destructiveHint: z.boolean(),
    idempotentHint: z.boolean(),
    openWorldHint: z.boolean(),
  })
  .partial();
const Told = z.object({ tool: z.string(), sha256: z.string(), definition: z.string(), ...Hints.shape });
type ApprovedTools = DocumentOf<'ApprovedTools'>;
const LIMIT = 1_000;

/** Lists what servers say of their tools, as gateways saw it, and approves it (security rule S14). */
@Controller()
export class ToolDefinitionsController {
  constructor(
    @Inject(PostgresEventStore) private readonly events: PostgresEventStore,
    @Inject(PostgresDocumentStore) private readonly documents: PostgresDocumentStore,
    @Inject(DocumentReader) private readonly reader: DocumentReader,
    @Inject(ConfigurationPublisher) private readonly publisher: ConfigurationPublisher,
    @Inject(WRITES) private readonly writes: WriteParts,
  ) {}

  @Serve(routes.listToolDefinitions)
  async list({ query: { server, after } }: Asked<'listToolDefinitions'>): Promise<Answered<'listToolDefinitions'>> {
    const { documents } = await this.documents.complete();
    const approved =
      documents.find(
        (document): document is DocumentOf<'ApprovedTools'> =>
          document.kind === 'ApprovedTools' && document.name === server,
      )?.spec.tools ?? [];
    const events = await this.events.list({ after, limit: LIMIT, type: ['tool.listed'], server });
    const definitions = events.flatMap((event) =>
      definitionOf(event, (name, sha256) => approved.some((tool) => tool.name === name && tool.sha256 === sha256)),
    );
    return { definitions, approved, next: events.at(-1)?.sequence ?? Number(after) };
  }

  @Serve(routes.approveTools)
  approve(
    { params, query, body }: Asked<'approveTools'>,
    @By() administrator: Administrator,
  ): Promise<Answered<'approveTools'>> {
    return this.write(administrator, params.server, { tools: body.tools, ...query });
  }

  @Serve(routes.withdrawApprovedTools)
  withdraw(
    { params, query }: Asked<'withdrawApprovedTools'>,
    @By() administrator: Administrator,
  ): Promise<Answered<'withdrawApprovedTools'>> {
    return this.write(administrator, params.server, query);
  }

  private async write(
    administrator: Administrator,
    server: string,
    { tools, takeOver = false }: { tools?: ApprovedTools['spec']['tools']; takeOver?: boolean | undefined },
  ): Promise<Answered<'approveTools'>> {
    if ((await this.reader.find({ kind: 'McpServer', name: server })) === undefined)
      throw new NotFoundException('There is no such server.');
    const { changeSets } = this.writes;
    const name = { kind: 'ApprovedTools', name: server } as const;
    const { epoch, revision, changed } = orRefuse(
      await changeSets.write({
        actor: administrator.actor,
        rights: rightsOf(administrator),
        source: 'approved tools',
        set: null,
        puts: tools === undefined ? [] : [{ document: { ...name, spec: { tools } }, origin: null, pointer: '' }],
        deletes: tools === undefined ? [name] : [],
        takeOver,
        secrets: new Map(),
      }),
    );
    if (!(await publishedInTime(this.publisher)))
      throw new ServiceUnavailableException('It is recorded and will be in force as soon as the bus is reachable.');
    return { epoch, revision, changed };
  }
}

function definitionOf(
  { at, server, detail, sequence }: StoredEvent,
  isApproved: (name: string, sha256: string) => boolean,
) {
  const told = Told.safeParse(detail).data;
  if (told === undefined) return [];
  const { tool: name, sha256, definition, ...annotations } = told;
  return [
    {
      sequence,
      server,
      name,
      sha256,
      firstSeenAt: new Date(at).toISOString(),
      approved: isApproved(name, sha256),
      annotations,
      definition,
    },
  ];
}
