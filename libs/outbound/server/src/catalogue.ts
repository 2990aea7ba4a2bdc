import { z } from 'zod';
import { findParameterHeaders } from './parameter-headers.js';
import type { ParameterHeader } from './parameter-headers.js';
import { publicResourceUri } from './resource-uri.js';
import { publicToolName } from './tool-name.js';
import type { ToolPrefix } from './tool-name.js';

/** Only what we act on is looked at; the rest of a definition passes through as the server wrote it (R58). */
const ToolDefinition = z.looseObject({ name: z.string().min(1).max(128), inputSchema: z.looseObject({}), _meta: z.looseObject({}).optional() });
const ResourceDefinition = z.looseObject({ uri: z.string().min(1) });
const TemplateDefinition = z.looseObject({ uriTemplate: z.string().min(1) });

export interface CataloguedTool {
  readonly publicName: string;
  /** The server's own name: what policy decides on and what is sent. */
  readonly name: string;
  readonly parameterHeaders: readonly ParameterHeader[];
  /** The definition as agents see it, serialised once. */
  readonly json: string;
}

/** The tools one server offers one identity, by public name. */
export interface ToolCatalogue {
  readonly server: string;
  readonly tools: ReadonlyMap<string, CataloguedTool>;
  /** Why entries were left out, for the log: a definition we cannot serve must not hide the others. */
  readonly dropped: readonly { readonly name: string; readonly reason: 'malformed' | 'duplicate' | 'parameter-headers' }[];
}

export function catalogueTools(server: string, definitions: readonly unknown[], prefix: ToolPrefix): ToolCatalogue {
  const dropped: { name: string; reason: 'malformed' | 'duplicate' | 'parameter-headers' }[] = [];
  const entries: CataloguedTool[] = [];
  for (const candidate of definitions) {
    const parsed = ToolDefinition.safeParse(candidate);
    if (!parsed.success) {
      dropped.push({ name: nameOf(candidate), reason: 'malformed' });
      continue;
    }
    const { name, ...definition } = parsed.data;
    const declared = findParameterHeaders(definition.inputSchema);
    if (declared === 'invalid') {
      dropped.push({ name, reason: 'parameter-headers' });
      continue;
    }
    const publicName = publicToolName(server, name, prefix);
    entries.push({ publicName, name, parameterHeaders: declared, json: JSON.stringify({ name: publicName, ...definition, ...publicUiMeta(server, definition._meta, prefix) }) });
  }
  // A name that fits as it is goes before one that was shortened onto it; then the server's own order decides.
  const tools = new Map<string, CataloguedTool>();
  const isExact = ({ publicName, name }: CataloguedTool) => publicName === (prefix === 'never' ? name : `${server}__${name}`);
  for (const entry of [...entries.filter(isExact), ...entries.filter((candidate) => !isExact(candidate))]) {
    if (tools.has(entry.publicName)) dropped.push({ name: entry.name, reason: 'duplicate' });
    else tools.set(entry.publicName, entry);
  }
  return { server, tools: new Map([...tools].sort(([a], [b]) => (a < b ? -1 : 1))), dropped };
}

/** Resources or templates as agents see them; what cannot be addressed through us is left out. */
export function publicResources(server: string, kind: 'resources' | 'resourceTemplates', definitions: readonly unknown[], prefix: ToolPrefix): readonly { uri: string; definition: Record<string, unknown> }[] {
  const key = kind === 'resources' ? 'uri' : 'uriTemplate';
  return definitions.flatMap((candidate) => {
    const parsed = (kind === 'resources' ? ResourceDefinition : TemplateDefinition).safeParse(candidate);
    if (!parsed.success) return [];
    const definition: Record<string, unknown> = parsed.data;
    const uri = String(definition[key]);
    const mapped = publicResourceUri(server, uri, prefix);
    return mapped === undefined ? [] : [{ uri, definition: { ...definition, [key]: mapped } }];
  });
}

/** MCP Apps name their view by URI in a tool's `_meta`, in two spellings. */
function publicUiMeta(server: string, meta: Record<string, unknown> | undefined, prefix: ToolPrefix): { _meta?: Record<string, unknown> } {
  if (meta === undefined) return {};
  const mapped = (uri: unknown) => (typeof uri === 'string' ? publicResourceUri(server, uri, prefix) : undefined);
  const next: Record<string, unknown> = { ...meta };
  if ('ui/resourceUri' in next) next['ui/resourceUri'] = mapped(next['ui/resourceUri']);
  const ui = next['ui'];
  if (typeof ui === 'object' && ui !== null && 'resourceUri' in ui) next['ui'] = { ...ui, resourceUri: mapped(ui.resourceUri) };
  return { _meta: next };
}

function nameOf(candidate: unknown): string {
  return typeof candidate === 'object' && candidate !== null && 'name' in candidate && typeof candidate.name === 'string' ? candidate.name.slice(0, 128) : '';
}
