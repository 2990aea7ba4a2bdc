import { decide, serversFor, visible } from '@sallyport/policy';
import { connectToolName } from '@sallyport/server';
import type { JsonObject } from '@sallyport/mcp-relay';
import type { DocumentOf } from '@sallyport/configuration';
import { textAnswer } from '../http/exchange.js';
import type { Answer } from '../http/exchange.js';
import { readListing, titleOf } from './reach.js';
import { serverInfoMeta } from './describe-gateway.js';
import type { Call } from './request-path.js';

/** How long a client may keep a list that is complete; one with a gap in it must be asked for again. */
const TTL_MS = 10_000;
export const UNAVAILABLE_META = 'sallyport/unavailableServers';

/** One server's share of a list: entries as JSON text, or why there are none. */
type Share = { readonly entries: readonly string[]; readonly isTemporary: boolean } | { readonly missing: string };
const NOTHING: Share = { entries: [], isTemporary: false };

/**
 * One list out of all servers this caller may reach (R56, R60), in a fixed order. Listing goes through the same policy as
 * calling: only what is denied for every argument is left out. A broken or slow server costs its own entries alone and
 * is named in `_meta`.
 */
export async function listEntries(call: Call, what: 'tools' | 'resources' | 'resourceTemplates'): Promise<Answer> {
  const servers = serversFor(call.policies, call.caller);
  const shares = await Promise.all(servers.map(async (server) => ({ server, share: await shareOf(call, server, what) })));
  const entries = shares.flatMap(({ share }) => ('entries' in share ? share.entries : []));
  const missing = shares.flatMap(({ server, share }) => ('missing' in share ? [{ server, reason: share.missing }] : []));
  const isTemporary = missing.length > 0 || shares.some(({ share }) => 'entries' in share && share.isTemporary);
  return textAnswer(200, listText(call, what, entries, missing, isTemporary ? 0 : TTL_MS));
}

async function shareOf(call: Call, serverName: string, what: 'tools' | 'resources' | 'resourceTemplates'): Promise<Share> {
  const server = call.snapshot.get('McpServer', serverName);
  const decision = decide(call.policies, call.caller, { server: serverName, action: { type: what === 'tools' ? 'list-tools' : 'list-resources' }, sourceIp: call.inbound.sourceIp, now: call.now });
  if (server === undefined || decision.outcome !== 'allow') return NOTHING;
  if (what === 'tools') {
    const reached = await readListing(call, decision.permit, server, 'tools');
    if (reached.type === 'connect_required') return { entries: [connectTool(server)], isTemporary: true };
    if (reached.type !== 'used') return { missing: reached.type };
    if (reached.value.type === 'failed') return { missing: reached.value.reason };
    const shown = [...reached.value.listing.tools.values()].filter((tool) => visible(call.policies, call.caller, serverName, { name: tool.name }));
    return { entries: shown.map((tool) => (call.request.era === 'modern' ? tool.json : legacyTool(tool.json))), isTemporary: false };
  }
  const reached = await readListing(call, decision.permit, server, what);
  // Where the user has not connected there is nothing to list; the connect tool says how.
  if (reached.type === 'connect_required') return { entries: [], isTemporary: true };
  if (reached.type !== 'used') return { missing: reached.type };
  if (reached.value.type === 'failed') return { missing: reached.value.reason };
  const readable = reached.value.listing.entries.filter(({ uri }) => what === 'resourceTemplates' || mayRead(call, serverName, uri));
  return { entries: readable.map(({ definition }) => JSON.stringify(definition)), isTemporary: false };
}

/** A resource is listed when reading it is allowed or a step-up away. */
function mayRead(call: Call, server: string, uri: string): boolean {
  return decide(call.policies, call.caller, { server, action: { type: 'resource', uri }, sourceIp: call.inbound.sourceIp, now: call.now }).outcome !== 'deny';
}

function listText(call: Call, what: string, entries: readonly string[], missing: readonly unknown[], ttlMs: number): string {
  const isModern = call.request.era === 'modern';
  const meta: JsonObject = { ...(isModern ? serverInfoMeta(call.path) : {}), ...(missing.length > 0 ? { [UNAVAILABLE_META]: missing } : {}) };
  const head = isModern ? `"resultType":"complete","ttlMs":${ttlMs},"cacheScope":"private",` : '';
  const tail = Object.keys(meta).length > 0 ? `,"_meta":${JSON.stringify(meta)}` : '';
  return `{"jsonrpc":"2.0","id":${JSON.stringify(call.request.id)},"result":{${head}"${what}":[${entries.join(',')}]${tail}}}`;
}

function connectTool(server: DocumentOf<'McpServer'>): string {
  const title = titleOf(server);
  return JSON.stringify({
    name: connectToolName(server.name),
    title: `Connect ${title}`,
    description: `${title} needs an account of the user's. Call this tool for a link with which the user connects it once; then list the tools again.`,
    inputSchema: { type: 'object', properties: {}, additionalProperties: false },
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  });
}

/** Before 2026-07-28 an output schema describes an object; another one would make the client refuse our wrapped content. */
function legacyTool(json: string): string {
  if (!json.includes('"outputSchema"')) return json;
  const { outputSchema, ...tool } = JSON.parse(json) as { outputSchema?: { type?: unknown } };
  return outputSchema?.type === 'object' ? json : JSON.stringify(tool);
}
