import { cleanText } from '@sallyport/kernel';
import { z } from 'zod';
import type { FoundTool } from '../findings.js';

export const MAX_TOOLS = 1_000;
export const MAX_PAGES = 20;

/** What we read of a tool's definition. A hint that is no boolean was not given. */
const Definition = z.object({
  name: z.string().min(1).max(256),
  annotations: z
    .object({
      readOnlyHint: z.boolean().optional().catch(undefined),
      destructiveHint: z.boolean().optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});
const Named = z.object({ name: z.string().optional().catch(undefined), title: z.string().optional().catch(undefined) });
const SERVER_INFO = 'io.modelcontextprotocol/serverInfo';

/** The tools among a server's definitions, by name and once each; what is no tool is left out. */
export function readTools(definitions: readonly unknown[]): {
  readonly tools: FoundTool[];
  readonly isCut: boolean;
} {
  const tools = new Map<string, FoundTool>();
  for (const definition of definitions.slice(0, MAX_TOOLS)) {
    const { data } = Definition.safeParse(definition);
    if (data === undefined || tools.has(data.name)) continue;
    const { readOnlyHint, destructiveHint } = data.annotations ?? {};
    tools.set(data.name, {
      name: data.name,
      ...(readOnlyHint === undefined ? {} : { readOnlyHint }),
      ...(destructiveHint === undefined ? {} : { destructiveHint }),
    });
  }
  return { tools: [...tools.values()], isCut: definitions.length > MAX_TOOLS };
}

/** What a server calls itself, for people, in the result of `initialize` or in the `_meta` of any later result. */
export function titleIn(result: Readonly<Record<string, unknown>>): string | undefined {
  const meta = z.record(z.string(), z.unknown()).safeParse(result['_meta']).data;
  return titleOf(result['serverInfo'] ?? meta?.[SERVER_INFO]);
}

/** @param info `serverInfo`, as a server sent it */
export function titleOf(info: unknown): string | undefined {
  const { data } = Named.safeParse(info);
  const title = said(data?.title ?? data?.name ?? '', 80);
  return title === '' ? undefined : title;
}

/** Words of somebody else, as one line. */
export const said = (text: string, maxCharacters = 200): string => cleanText(text, maxCharacters).slice(0, 400);
