import {
  Body,
  Controller,
  Delete,
  Get,
  Inject,
  NotFoundException,
  Param,
  Put,
  Query,
  ServiceUnavailableException,
} from '@nestjs/common';
import { Document, ServerId } from '@sallyport/configuration';
import type { DocumentOf } from '@sallyport/configuration';
import { z } from 'zod';
import { ConfigurationPublisher } from '../configuration/configuration-publisher.js';
import { PostgresDocumentStore } from '../configuration/document-store.js';
import { publishedInTime } from '../configuration/published-in-time.js';
import { PostgresEventStore } from '../events/event-store.js';
import type { StoredEvent } from '../events/event-store.js';

const DefinitionsQuery = z.strictObject({
  server: ServerId,
  after: z
    .string()
    .regex(/^\d{1,18}$/, 'must be the sequence of a definition')
    .transform(BigInt)
    .default(0n),
});
const Hints = z
  .object({
    readOnlyHint: z.boolean(),
    destructiveHint: z.boolean(),
    idempotentHint: z.boolean(),
    openWorldHint: z.boolean(),
  })
  .partial();
const Told = z.object({ tool: z.string(), sha256: z.string(), definition: z.string(), ...Hints.shape });
const LIMIT = 1_000;

/** What servers say of their tools, as gateways saw it, and what of it is approved (security rule S14). */
@Controller('v1/tool-definitions')
export class ToolDefinitionsController {
  constructor(
    @Inject(PostgresEventStore) private readonly events: PostgresEventStore,
    @Inject(PostgresDocumentStore) private readonly documents: PostgresDocumentStore,
    @Inject(ConfigurationPublisher) private readonly publisher: ConfigurationPublisher,
  ) {}

  /** Every definition of a tool of this server that was ever listed, in the order of arrival, 1000 at a time. */
  @Get()
  async list(@Query() query: unknown) {
    const { server, after } = DefinitionsQuery.parse(query);
    const { documents } = await this.documents.complete();
    const approved =
      documents.find(
        (document): document is DocumentOf<'ApprovedTools'> =>
          document.kind === 'ApprovedTools' && document.name === server,
      )?.spec.tools ?? [];
    const events = await this.events.list({ after, limit: LIMIT, type: 'tool.listed', server });
    const definitions = events.flatMap((event) =>
      definitionOf(event, (name, sha256) => approved.some((tool) => tool.name === name && tool.sha256 === sha256)),
    );
    return { definitions, approved, next: events.at(-1)?.sequence ?? Number(after) };
  }

  /** `{ tools: [{ name, sha256, annotations? }] }`: all that is approved of this server, in place of what was. */
  @Put('approved/:server')
  async approve(@Param('server') server: string, @Body() body: unknown) {
    const document = Document.parse({ kind: 'ApprovedTools', name: server, spec: body }) as DocumentOf<'ApprovedTools'>;
    return await this.write(document.name, document.spec.tools);
  }

  /** Nothing of this server is approved any more, and so nothing held back either. */
  @Delete('approved/:server')
  async withdraw(@Param('server') server: string) {
    return await this.write(ServerId.parse(server), undefined);
  }

  private async write(server: string, tools: DocumentOf<'ApprovedTools'>['spec']['tools'] | undefined) {
    const written = await this.documents.approveTools(server, tools);
    if (written === undefined) throw new NotFoundException('There is no such server.');
    if (!(await publishedInTime(this.publisher)))
      throw new ServiceUnavailableException('It is recorded and will be in force as soon as the bus is reachable.');
    return written;
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
