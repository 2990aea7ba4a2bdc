import { z } from 'zod';
import { findParameterHeaders } from './parameter-headers.js';
import type { ParameterHeader } from './parameter-headers.js';
import { digestOfTool } from './tool-definition.js';
import { normalResourceUri, publicResourceUri, publicUriTemplate } from './resource-uri.js';
import { publicName } from './public-name.js';
import type { NamePrefix } from './public-name.js';

/** Only what we act on is looked at; the rest of a definition passes through as the server wrote it (R58). */
const ToolDefinition = z.looseObject({
  name: z.string().min(1).max(128),
  inputSchema: z.looseObject({}),
  _meta: z.looseObject({}).optional(),
});
const PromptDefinition = z.looseObject({ name: z.string().min(1).max(128) });
const ResourceDefinition = z.looseObject({ uri: z.string().min(1) });
const TemplateDefinition = z.looseObject({ uriTemplate: z.string().min(1) });

/** One thing a server offers, by name or by URI. */
export interface CatalogueEntry {
  readonly publicName: string;
  /** The server's own name or URI: what policy decides on and what is sent. */
  readonly name: string;
  /** The definition as agents see it, serialised once. */
  readonly json: string;
  /** The same in the words of 2025-11-25 and older. */
  readonly legacyJson: string;
}
export interface CataloguedTool extends CatalogueEntry {
  /** Digest of what the server says of it. */
  readonly definition: string;
  readonly parameterHeaders: readonly ParameterHeader[];
  /** The server's own URI of the tool's view (MCP Apps). */
  readonly viewUri: string | undefined;
}

/** What one server offers one identity, by public name and in that order. */
export interface Catalogue<E extends CatalogueEntry = CatalogueEntry> {
  readonly server: string;
  readonly entries: ReadonlyMap<string, E>;
  /** Why entries were left out, for the log: a definition we cannot serve must not hide the others. */
  readonly dropped: readonly Dropped[];
}
export interface Dropped {
  readonly name: string;
  readonly reason: 'malformed' | 'duplicate' | 'parameter-headers' | 'no-public-uri';
}
type Read<E> = E | { readonly dropped: Dropped };

export function catalogueTools(
  server: string,
  definitions: readonly unknown[],
  prefix: NamePrefix,
): Catalogue<CataloguedTool> {
  return catalogue(
    server,
    prefix,
    definitions.map((candidate): Read<CataloguedTool> => {
      const parsed = ToolDefinition.safeParse(candidate);
      if (!parsed.success) return malformed(candidate);
      const { name, ...definition } = parsed.data;
      const declared = findParameterHeaders(definition.inputSchema);
      if (declared === 'invalid') return { dropped: { name, reason: 'parameter-headers' } };
      const shown = publicName(server, name, prefix);
      const json = JSON.stringify({ name: shown, ...definition, ...publicUiMeta(server, definition._meta, prefix) });
      return {
        publicName: shown,
        name,
        definition: digestOfTool(parsed.data),
        parameterHeaders: declared,
        viewUri: viewUriIn(definition._meta),
        json,
        legacyJson: legacyTool(json, definition['outputSchema']),
      };
    }),
  );
}

export function cataloguePrompts(server: string, definitions: readonly unknown[], prefix: NamePrefix): Catalogue {
  return catalogue(
    server,
    prefix,
    definitions.map((candidate): Read<CatalogueEntry> => {
      const parsed = PromptDefinition.safeParse(candidate);
      if (!parsed.success) return malformed(candidate);
      const { name, ...definition } = parsed.data;
      const shown = publicName(server, name, prefix);
      const json = JSON.stringify({ name: shown, ...definition });
      return { publicName: shown, name, json, legacyJson: json };
    }),
  );
}

/** Resources or templates, as they are asked for (`normalResourceUri`); what cannot be addressed through us is left out. */
export function catalogueResources(
  server: string,
  kind: 'resources' | 'resourceTemplates',
  definitions: readonly unknown[],
  prefix: NamePrefix,
): Catalogue {
  const key = kind === 'resources' ? 'uri' : 'uriTemplate';
  return catalogue(
    server,
    prefix,
    definitions.map((candidate): Read<CatalogueEntry> => {
      const parsed = (kind === 'resources' ? ResourceDefinition : TemplateDefinition).safeParse(candidate);
      if (!parsed.success) return malformed(candidate);
      const definition: Record<string, unknown> = parsed.data;
      const uri = String(definition[key]);
      const asked = kind === 'resources' ? normalResourceUri(uri) : uri;
      const shown =
        kind === 'resources' ? publicResourceUri(server, uri, prefix) : publicUriTemplate(server, uri, prefix);
      if (asked === undefined || shown === undefined)
        return { dropped: { name: uri.slice(0, MAX_SHOWN), reason: 'no-public-uri' } };
      const json = JSON.stringify({ ...definition, [key]: shown });
      return { publicName: shown, name: asked, json, legacyJson: json };
    }),
  );
}

/** A name that fits as it is goes before one that was shortened onto it; then the server's own order decides. */
function catalogue<E extends CatalogueEntry>(
  server: string,
  prefix: NamePrefix,
  read: readonly Read<E>[],
): Catalogue<E> {
  const dropped: Dropped[] = [];
  const kept: E[] = [];
  for (const candidate of read) {
    if ('dropped' in candidate) dropped.push(candidate.dropped);
    else kept.push(candidate);
  }
  const isExact = ({ publicName: shown, name }: E) => shown === (prefix === 'never' ? name : `${server}__${name}`);
  const entries = new Map<string, E>();
  for (const entry of [...kept.filter(isExact), ...kept.filter((candidate) => !isExact(candidate))]) {
    if (entries.has(entry.publicName)) dropped.push({ name: entry.name.slice(0, MAX_SHOWN), reason: 'duplicate' });
    else entries.set(entry.publicName, entry);
  }
  return { server, entries: new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1))), dropped };
}

/** MCP Apps name their view by URI in a tool's `_meta`, in two spellings. */
function publicUiMeta(
  server: string,
  meta: Record<string, unknown> | undefined,
  prefix: NamePrefix,
): { _meta?: Record<string, unknown> } {
  if (meta === undefined) return {};
  const mapped = (uri: unknown) => (typeof uri === 'string' ? publicResourceUri(server, uri, prefix) : undefined);
  const next: Record<string, unknown> = { ...meta };
  if ('ui/resourceUri' in next) next['ui/resourceUri'] = mapped(next['ui/resourceUri']);
  const ui = next['ui'];
  if (typeof ui === 'object' && ui !== null && 'resourceUri' in ui)
    next['ui'] = { ...ui, resourceUri: mapped(ui.resourceUri) };
  return { _meta: next };
}

function viewUriIn(meta: Record<string, unknown> | undefined): string | undefined {
  const ui = meta?.['ui'];
  const uri = typeof ui === 'object' && ui !== null && 'resourceUri' in ui ? ui.resourceUri : meta?.['ui/resourceUri'];
  const asked = typeof uri === 'string' ? normalResourceUri(uri) : undefined;
  return asked?.startsWith('ui://') ? asked : undefined;
}

/** Before 2026-07-28 an output schema describes an object; another one would make the client refuse our wrapped content. */
function legacyTool(json: string, outputSchema: unknown): string {
  if (
    outputSchema === undefined ||
    (typeof outputSchema === 'object' &&
      outputSchema !== null &&
      'type' in outputSchema &&
      outputSchema.type === 'object')
  )
    return json;
  const { outputSchema: _schema, ...tool } = JSON.parse(json) as { outputSchema?: unknown };
  return JSON.stringify(tool);
}

/** Characters of a name in the log. */
const MAX_SHOWN = 128;

function malformed(candidate: unknown): { readonly dropped: Dropped } {
  const isNamed =
    typeof candidate === 'object' && candidate !== null && 'name' in candidate && typeof candidate.name === 'string';
  return { dropped: { name: isNamed ? (candidate.name as string).slice(0, MAX_SHOWN) : '', reason: 'malformed' } };
}
