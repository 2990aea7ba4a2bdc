import { visible, visibleTemplate } from '@sallyport/policy';
import { connectToolName } from '@sallyport/server';
import type { CataloguedTool } from '@sallyport/server';
import type { JsonObject } from '@sallyport/mcp-relay';
import type { DocumentOf } from '@sallyport/configuration';
import { textAnswer } from '../http/exchange.js';
import type { Answer } from '../http/exchange.js';
import type { ListKind } from '../outbound/catalogues.js';
import { titleOf } from '../outbound/server-title.js';
import { openListCursor, sealListCursor } from '../session/list-cursor.js';
import { decisionOn } from './decide-operation.js';
import { serverInfoMeta } from './describe-gateway.js';
import { readListing } from './reach.js';
import type { Refusal } from './refusal.js';
import { documentsDigest } from './request-path.js';
import type { Call } from './request-path.js';

/** How long a client may keep a list that is complete; one with a gap in it must be asked for again. */
const TTL_MS = 10_000;
export const UNAVAILABLE_META = 'sallyport/unavailableServers';
const LIST_ACTIONS = {
  tools: 'list-tools',
  prompts: 'list-prompts',
  resources: 'list-resources',
  resourceTemplates: 'list-resources',
} as const;

interface ListedEntry {
  readonly publicName: string;
  readonly json: string;
}
/** One server's share of a list, in order, or why there is none. */
type Share = { readonly entries: readonly ListedEntry[]; readonly ttlMs: number } | { readonly missing: string };
const NOTHING: Share = { entries: [], ttlMs: TTL_MS };

/**
 * One list out of all servers this caller may reach (R56, R60), by server and name, in pages of limited size. Listing goes
 * through the same policy as using: only what is denied for every argument is left out. A broken or slow server costs its
 * own entries alone and is named in `_meta`.
 */
export async function listEntries(call: Call, what: ListKind, cursor: string | undefined): Promise<Answer | Refusal> {
  const list = { caller: call.caller, what, target: call.inbound.target, documents: documentsDigest(call.snapshot) };
  const after = cursor === undefined ? undefined : openListCursor(call.path.sealer, list, cursor, call.now);
  if (cursor !== undefined && after === undefined) return { refused: 'invalid-params', message: 'Unknown cursor.' };

  const servers = call.servers.filter((server) => after === undefined || server >= after.server);
  const shares = await Promise.all(
    servers.map(async (server) => ({ server, share: await shareOf(call, server, what) })),
  );
  const missing = shares.flatMap(({ server, share }) =>
    'missing' in share ? [{ server, reason: share.missing }] : [],
  );
  for (const { server, reason } of missing) call.path.observeMissing?.(server, reason);

  const rest = shares.flatMap(({ server, share }) =>
    ('entries' in share ? share.entries : [])
      .filter(({ publicName }) => server !== after?.server || publicName > after.publicName)
      .map((entry) => ({ server, ...entry })),
  );
  const page = rest.slice(0, pageLength(rest, call.path.listPageLength));
  const last = page.at(-1);
  const nextCursor =
    last !== undefined && page.length < rest.length
      ? sealListCursor(call.path.sealer, list, last, call.now)
      : undefined;
  const ttlMs =
    missing.length > 0 ? 0 : Math.min(TTL_MS, ...shares.map(({ share }) => ('ttlMs' in share ? share.ttlMs : 0)));
  return textAnswer(200, listText(call, what, page, nextCursor, missing, ttlMs));
}

/** As many entries as fit into a page, and one at least. */
function pageLength(entries: readonly ListedEntry[], limit: number): number {
  let size = 0;
  const tooLong = entries.findIndex(({ json }, index) => (size += json.length) > limit && index > 0);
  return tooLong === -1 ? entries.length : tooLong;
}

async function shareOf(call: Call, serverName: string, what: ListKind): Promise<Share> {
  const server = call.snapshot.get('McpServer', serverName);
  const decision = decisionOn(call, serverName, { type: LIST_ACTIONS[what] });
  if (server === undefined || decision.outcome !== 'allow') return NOTHING;
  const reached = await readListing(call, decision.permit, server, what, 'ttl');
  // Where the user has not connected, one tool says how; there is nothing else to list.
  if (reached.type === 'connect_required') return { entries: what === 'tools' ? [connectTool(server)] : [], ttlMs: 0 };
  if (reached.type !== 'used') return { missing: reached.type };
  if (reached.value.type === 'failed') return { missing: reached.value.reason };
  const { listing, readAt, ttlMs } = reached.value;
  const isModern = call.request.era === 'modern';
  const shown = [...listing.entries.values()].filter((entry) => isListed(call, serverName, what, entry));
  return {
    entries: shown.map(({ publicName, json, legacyJson }) => ({ publicName, json: isModern ? json : legacyJson })),
    ttlMs: Math.max(0, Math.floor(readAt + ttlMs - call.now)),
  };
}

function isListed(
  call: Call,
  server: string,
  what: ListKind,
  { name, definition }: Pick<CataloguedTool, 'name'> & Partial<Pick<CataloguedTool, 'definition'>>,
): boolean {
  switch (what) {
    case 'tools':
      return visible(call.policies, call.caller, server, { type: 'tool', name, definition });
    case 'prompts':
      return visible(call.policies, call.caller, server, { type: 'prompt', name });
    case 'resourceTemplates':
      return visibleTemplate(call.policies, call.caller, server, name);
    case 'resources':
      // A resource has no arguments: it is listed when reading it is allowed now, or a step-up away.
      return decisionOn(call, server, { type: 'resource', uri: name }).outcome !== 'deny';
  }
}

function listText(
  call: Call,
  what: ListKind,
  entries: readonly ListedEntry[],
  nextCursor: string | undefined,
  missing: readonly unknown[],
  ttlMs: number,
): string {
  const isModern = call.request.era === 'modern';
  const meta: JsonObject = {
    ...(isModern ? serverInfoMeta(call.path) : {}),
    ...(missing.length > 0 ? { [UNAVAILABLE_META]: missing } : {}),
  };
  const head = isModern ? `"resultType":"complete","ttlMs":${ttlMs},"cacheScope":"private",` : '';
  const next = nextCursor === undefined ? '' : `,"nextCursor":${JSON.stringify(nextCursor)}`;
  const tail = Object.keys(meta).length > 0 ? `,"_meta":${JSON.stringify(meta)}` : '';
  return `{"jsonrpc":"2.0","id":${JSON.stringify(call.request.id)},"result":{${head}"${what}":[${entries.map(({ json }) => json).join(',')}]${next}${tail}}}`;
}

function connectTool(server: DocumentOf<'McpServer'>): ListedEntry {
  const title = titleOf(server);
  const publicName = connectToolName(server.name);
  const json = JSON.stringify({
    name: publicName,
    title: `Connect ${title}`,
    description: `${title} needs an account of the user's. Call this tool for a link with which the user connects it once; then list the tools again.`,
    inputSchema: { type: 'object', properties: {}, additionalProperties: false },
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  });
  return { publicName, json };
}
