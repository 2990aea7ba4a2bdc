import { rewriteJson } from '@sallyport/kernel/json';
import type { JsonSource } from '@sallyport/kernel/json';
import { findParameterHeaders } from './parameter-headers.js';
import type { ParameterHeader } from './parameter-headers.js';
import { digestOfTool } from './tool-definition.js';
import { normalResourceUri, publicResourceUri, publicUriTemplate } from './resource-uri.js';
import { publicName } from './public-name.js';
import type { NamePrefix, Naming } from './public-name.js';
import { legacyTool, readPrompt, readResource, readTool } from './readable-definition.js';
import type { ReadDefinition } from './readable-definition.js';

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
  /** Entries that were left out, and why: a definition no client can read must not hide the others. */
  readonly dropped: readonly Dropped[];
  /** Entries that are shown without some of their members, which clients could not read. */
  readonly adjusted: readonly Adjusted[];
}
export interface Dropped {
  /** The server's own; empty where there is none. */
  readonly name: string;
  readonly reason: 'malformed' | 'duplicate' | 'parameter-headers' | 'no-public-uri' | CutReason;
  /** What no client could read, where that is known. */
  readonly member?: string;
  /** Of a tool: see `CataloguedTool`. */
  readonly definition?: string;
}
/** Not one entry but the rest of the list, which was not read; it has no name. */
export type CutReason = 'too-many-pages' | 'too-many-entries' | 'repeated-cursor';
const CUTS: ReadonlySet<string> = new Set<CutReason>(['too-many-pages', 'too-many-entries', 'repeated-cursor']);
export const isCut = ({ reason }: Pick<Dropped, 'reason'>): boolean => CUTS.has(reason);
export interface Adjusted {
  readonly name: string;
  /** Paths from the definition. */
  readonly members: readonly string[];
}
type Read<E> = { readonly entry: E; readonly lost: readonly string[] } | { readonly dropped: Dropped };

export function catalogueTools(
  server: string,
  definitions: readonly JsonSource[],
  naming: Naming,
): Catalogue<CataloguedTool> {
  return catalogue(
    server,
    naming.prefix,
    definitions.map((source): Read<CataloguedTool> => {
      const read = readTool(source.value);
      if ('unreadable' in read) return malformed(source, read);
      const { name, ...members } = read.definition;
      const declared = findParameterHeaders(members['inputSchema']);
      const definition = digestOfTool(source);
      if (declared === 'invalid') return { dropped: { name, reason: 'parameter-headers', definition } };
      const meta = members['_meta'] as Record<string, unknown> | undefined;
      const shown = publicName(server, name, naming);
      const value = { name: shown, ...members, ...publicUiMeta(server, meta, naming.prefix) };
      const entry = {
        publicName: shown,
        name,
        definition,
        parameterHeaders: declared,
        viewUri: viewUriIn(meta),
        json: rewriteJson(source, value),
        legacyJson: rewriteJson(source, legacyTool(value)),
      };
      return { entry, lost: read.lost };
    }),
  );
}

export function cataloguePrompts(server: string, definitions: readonly JsonSource[], naming: Naming): Catalogue {
  return catalogue(
    server,
    naming.prefix,
    definitions.map((source): Read<CatalogueEntry> => {
      const read = readPrompt(source.value);
      if ('unreadable' in read) return malformed(source, read);
      const { name, ...definition } = read.definition;
      const shown = publicName(server, name, naming);
      const json = rewriteJson(source, { name: shown, ...definition });
      return { entry: { publicName: shown, name, json, legacyJson: json }, lost: read.lost };
    }),
  );
}

/** Resources or templates under the URIs agents ask for (`normalResourceUri`), without those that have no such URI. */
export function catalogueResources(
  server: string,
  kind: 'resources' | 'resourceTemplates',
  definitions: readonly JsonSource[],
  prefix: NamePrefix,
): Catalogue {
  const key = kind === 'resources' ? 'uri' : 'uriTemplate';
  return catalogue(
    server,
    prefix,
    definitions.map((source): Read<CatalogueEntry> => {
      const read = readResource(source.value, key);
      if ('unreadable' in read) return malformed(source, read);
      const uri = String(read.definition[key]);
      const asked = kind === 'resources' ? normalResourceUri(uri) : uri;
      const shown =
        kind === 'resources' ? publicResourceUri(server, uri, prefix) : publicUriTemplate(server, uri, prefix);
      if (asked === undefined || shown === undefined)
        return { dropped: { name: uri.slice(0, MAX_SHOWN), reason: 'no-public-uri' } };
      const json = rewriteJson(source, { ...read.definition, [key]: shown });
      return { entry: { publicName: shown, name: asked, json, legacyJson: json }, lost: read.lost };
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
  const adjusted: Adjusted[] = [];
  for (const candidate of read) {
    if ('dropped' in candidate) dropped.push(candidate.dropped);
    else {
      kept.push(candidate.entry);
      if (candidate.lost.length > 0)
        adjusted.push({
          name: candidate.entry.name.slice(0, MAX_SHOWN),
          members: candidate.lost.slice(0, MAX_MEMBERS),
        });
    }
  }
  const isExact = ({ publicName: shown, name }: E) => shown === (prefix === 'never' ? name : `${server}__${name}`);
  const entries = new Map<string, E>();
  for (const entry of [...kept.filter(isExact), ...kept.filter((candidate) => !isExact(candidate))]) {
    if (entries.has(entry.publicName)) dropped.push({ name: entry.name.slice(0, MAX_SHOWN), reason: 'duplicate' });
    else entries.set(entry.publicName, entry);
  }
  return { server, entries: new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1))), dropped, adjusted };
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

/** Characters of a name, and members of an entry, in the log. */
const MAX_SHOWN = 128;
const MAX_MEMBERS = 20;

function malformed(
  { value }: JsonSource,
  { unreadable }: Extract<ReadDefinition, { unreadable: string }>,
): { readonly dropped: Dropped } {
  const isNamed = typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
  return {
    dropped: {
      name: isNamed ? (value.name as string).slice(0, MAX_SHOWN) : '',
      reason: 'malformed',
      ...(unreadable === '' ? {} : { member: unreadable }),
    },
  };
}
