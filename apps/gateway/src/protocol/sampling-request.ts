import type { JsonObject } from '@sallyport/mcp-relay';
import { z } from 'zod';
import { oneLine, quoted, seenText } from './shown-text.js';

const MAX_SYSTEM_PROMPT = 64 * 1_024;
const MAX_NAME = 256;
const MAX_DESCRIPTION = 16 * 1_024;

const Seen = z.string().transform(seenText);
const Line = z.string().transform((text) => oneLine(text, MAX_NAME));
const Text = z.object({ type: z.literal('text'), text: Seen });
const Media = z.object({ type: z.enum(['image', 'audio']), data: z.string(), mimeType: Line });
const Link = z.object({
  type: z.literal('resource_link'),
  uri: Seen,
  name: Line,
  title: Line.optional(),
  description: Seen.optional(),
  mimeType: Line.optional(),
});
const Embedded = z.object({
  type: z.literal('resource'),
  resource: z.object({ uri: Seen, mimeType: Line.optional(), text: Seen.optional(), blob: z.string().optional() }),
});
const ToolUse = z.object({ type: z.literal('tool_use'), id: z.string(), name: Line, input: z.looseObject({}) });
const ToolResult = z.object({
  type: z.literal('tool_result'),
  toolUseId: z.string(),
  content: z.array(z.union([Text, Media, Link, Embedded])).optional(),
  structuredContent: z.looseObject({}).optional(),
  isError: z.boolean().optional(),
});
const Block = z.union([Text, Media, ToolUse, ToolResult]);

/** `includeContext` is left out: what the client knows of other servers through us is not this one's. */
const Sampling = z.object({
  messages: z
    .array(z.object({ role: z.enum(['user', 'assistant']), content: z.union([Block, z.array(Block)]) }))
    .max(1_000),
  maxTokens: z.number(),
  systemPrompt: z.string().max(MAX_SYSTEM_PROMPT).optional(),
  temperature: z.number().optional(),
  stopSequences: z.array(z.string()).optional(),
  modelPreferences: z
    .object({
      hints: z.array(z.object({ name: Line.optional() })).optional(),
      costPriority: z.number().optional(),
      speedPriority: z.number().optional(),
      intelligencePriority: z.number().optional(),
    })
    .optional(),
  metadata: z.looseObject({}).optional(),
  tools: z
    .array(
      z.object({
        name: Line,
        title: Line.optional(),
        description: z.string().max(MAX_DESCRIPTION).transform(seenText).optional(),
        inputSchema: z.looseObject({}),
        outputSchema: z.looseObject({}).optional(),
      }),
    )
    .max(256)
    .optional(),
  toolChoice: z.object({ mode: z.enum(['auto', 'required', 'none']).optional() }).optional(),
});

/**
 * What a server asks the client's model (2025-11-25, CreateMessageRequest), built from what the protocol knows.
 * Messages are the server's alone; where its words stand with ours, in the system prompt, ours say whose they are and
 * its are quoted: both the user who approves and the model read it (security rule S18).
 */
export function readSampling(params: unknown, title: string): JsonObject | undefined {
  const sampling = Sampling.safeParse(params).data;
  if (sampling === undefined) return undefined;
  const { systemPrompt, ...rest } = sampling;
  const asks = `${title} asks the model of this client, through Sallyport`;
  return {
    ...rest,
    systemPrompt:
      systemPrompt === undefined
        ? `${asks}.`
        : `${asks}, and says to it:\n${quoted(systemPrompt, MAX_SYSTEM_PROMPT, Infinity)}`,
  };
}
