import { z } from 'zod';
import { Duration, HttpUrl, Origin } from './fields.js';

/** How long a call may take: at most an hour, which a timer can count and a caller may wait for. */
const CallTimeout = Duration.refine(
  (text) => Number.parseInt(text, 10) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[text.slice(-1)] ?? 1) <= 3_600,
  'must be at most 1h',
);

/** The questions a server may ask the user during a call; none by default (security rule S18). */
const MayAsk = z
  .strictObject({
    elicitation: z
      .array(z.enum(['form', 'url']))
      .default([])
      .describe('`form`: the user fills in fields. `url`: the user opens a page at one of `urlOrigins`.'),
    sampling: z.boolean().default(false).describe('The server may ask for a completion by the agent’s model.'),
    roots: z.boolean().default(false).describe('The server may ask for the directories the agent works in.'),
    urlOrigins: z.array(Origin).max(64).default([]).describe('The origins that the server may send users to.'),
  })
  .refine(({ elicitation, urlOrigins }) => !elicitation.includes('url') || urlOrigins.length > 0, {
    path: ['urlOrigins'],
    message: '`url` needs `urlOrigins`: the origins that the server may send users to',
  });

export const McpServerSpec = z.strictObject({
  title: z.string().min(1).max(80).optional().describe('What people read; the name by default.'),
  url: HttpUrl.describe('The server’s MCP endpoint, and its resource (RFC 8707) unless `resource` says otherwise.'),
  resource: HttpUrl.optional().describe('The resource that its tokens are for; by default the URL.'),
  timeout: CallTimeout.default('60s').describe('How long a call may take; at most 1h.'),
  mayAsk: MayAsk.optional().describe('The questions the server may ask the user during a call; none by default.'),
});

/** The annotations that policies may rely on. */
const Annotations = z.strictObject({
  readOnlyHint: z.boolean().optional().describe('The tool changes nothing.'),
  destructiveHint: z.boolean().optional().describe('The tool may destroy something.'),
  idempotentHint: z.boolean().optional().describe('A second call with the same arguments changes nothing more.'),
  openWorldHint: z.boolean().optional().describe('The tool reaches beyond the server.'),
});

/**
 * The tool definitions of a server that an administrator approved (security rule S14). One tool may have several, such
 * as while the server is upgraded.
 */
export const ApprovedToolsSpec = z.strictObject({
  tools: z
    .array(
      z.strictObject({
        name: z
          .string()
          .min(1)
          .max(128)
          .refine((name) => !name.includes('\u0000') && name.isWellFormed(), 'holds a character that is no text')
          .describe('The tool’s name at the server, without our prefix.'),
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 digest in 64 lower-case hexadecimal digits')
          .describe('The digest of the definition, as `sallyport pins list` and the events `tool.listed` have it.'),
        annotations: Annotations.optional().describe(
          'The annotations that policies may rely on. One that is absent has its worst value.',
        ),
      }),
    )
    .max(10_000)
    .describe('The approved definitions. A tool may have several, such as while the server is upgraded.'),
});
export type ApprovedTool = z.infer<typeof ApprovedToolsSpec>['tools'][number];
