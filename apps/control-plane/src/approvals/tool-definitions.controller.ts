import { Controller, Inject, NotFoundException, ServiceUnavailableException } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import type { DocumentOf } from '@sallyport/configuration';
import { z } from 'zod';
import { Serve } from '../admin/serve.js';
import { ConfigurationPublisher } from '../configuration/configuration-publisher.js';
import { PostgresDocumentStore } from '../configuration/document-store.js';
import { publishedInTime } from '../configuration/published-in-time.js';
import { LIFECYCLE } from '../trail/lifecycle-token.js';
import type { RecordEvent } from '@sallyport/trail';
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
const LIMIT = 1_000;

/** Lists what servers say of their tools, as gateways saw it, and approves it (security rule S14). */
@Controller()
export class ToolDefinitionsController {
  constructor(
    @Inject(PostgresEventStore) private readonly events: PostgresEventStore,
    @Inject(PostgresDocumentStore) private readonly documents: PostgresDocumentStore,
    @Inject(ConfigurationPublisher) private readonly publisher: ConfigurationPublisher,
    @Inject(LIFECYCLE) private readonly lifecycle: RecordEvent,
  ) {}

  @Serve(routes.listToolDefinitions)
  async list({ query: { server, after } }: Asked<'listToolDefinitions'>): Promise<Answered<'listToolDefinitions'>> {
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

  @Serve(routes.approveTools)
  approve({ params, body }: Asked<'approveTools'>): Promise<Answered<'approveTools'>> {
    return this.write(params.server, body.tools);
  }

  @Serve(routes.withdrawApprovedTools)
  withdraw({ params }: Asked<'withdrawApprovedTools'>): Promise<Answered<'withdrawApprovedTools'>> {
    return this.write(params.server, undefined);
  }

  private async write(server: string, tools: DocumentOf<'ApprovedTools'>['spec']['tools'] | undefined) {
    const written = await this.documents.approveTools(server, tools);
    if (written === undefined) throw new NotFoundException('There is no such server.');
    if (written.changed)
      await this.lifecycle({
        type: 'configuration.changed',
        server,
        detail: { revision: written.revision, source: 'approved tools', approved: tools?.length ?? 0 },
      });
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
