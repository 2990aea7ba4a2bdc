import { ApprovedToolsSpec, Document, ServerId } from '@sallyport/configuration';
import { z } from 'zod';
import { Flag, Moment } from './fields.js';
import { route } from './route.js';

/** What a server says of a tool besides its schema (MCP `ToolAnnotations`). */
const Hints = z
  .object({
    readOnlyHint: z.boolean(),
    destructiveHint: z.boolean(),
    idempotentHint: z.boolean(),
    openWorldHint: z.boolean(),
  })
  .partial();

const ToolDefinition = z.object({
  sequence: z.int(),
  server: z.string().optional(),
  name: z.string(),
  sha256: z.string(),
  firstSeenAt: Moment,
  approved: z.boolean(),
  annotations: Hints,
  definition: z.string(),
});

const Written = z.object({ epoch: z.string(), revision: z.int(), changed: z.boolean() });
const ownedElsewhere = 'A set of documents kept as code owns the approvals of this server.';
const notPublished = 'It is recorded, and will be in force as soon as the bus is reachable.';

export const configurationRoutes = {
  readConfiguration: route({
    method: 'GET',
    path: '/v1/configuration',
    permission: 'configuration:read',
    summary: 'Reads the newest revision and its documents. They name where secrets are read, and hold none.',
    answers: { 200: z.object({ epoch: z.string(), revision: z.int(), documents: z.array(Document).readonly() }) },
  }),
  listToolDefinitions: route({
    method: 'GET',
    path: '/v1/tool-definitions',
    permission: 'tool-definitions:read',
    summary: 'Lists every definition of a tool that a server ever listed, in order of arrival, 1000 at a time.',
    query: z.strictObject({
      server: ServerId,
      /** `next` of the page before. */
      after: z
        .string()
        .regex(/^\d{1,18}$/, 'must be the sequence of a definition')
        .transform(BigInt)
        .prefault('0'),
    }),
    answers: {
      200: z.object({
        definitions: z.array(ToolDefinition),
        approved: ApprovedToolsSpec.shape.tools,
        next: z.int(),
      }),
    },
  }),
  approveTools: route({
    method: 'PUT',
    path: '/v1/tool-definitions/approved/:server',
    permission: 'tool-definitions:approve',
    summary: 'Approves these definitions of tools of a server, in place of those that were approved before.',
    params: z.strictObject({ server: ServerId }),
    query: z.strictObject({ takeOver: Flag.optional() }),
    body: ApprovedToolsSpec,
    answers: { 200: Written },
    problems: { 404: 'There is no such server.', 409: ownedElsewhere, 503: notPublished },
  }),
  withdrawApprovedTools: route({
    method: 'DELETE',
    path: '/v1/tool-definitions/approved/:server',
    permission: 'tool-definitions:approve',
    summary: 'Withdraws all approvals of a server: nothing of it is held back any more.',
    params: z.strictObject({ server: ServerId }),
    query: z.strictObject({ takeOver: Flag.optional() }),
    answers: { 200: Written },
    problems: { 404: 'There is no such server.', 409: ownedElsewhere, 503: notPublished },
  }),
};
