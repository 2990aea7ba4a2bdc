import { connectToolName, isCut } from '@sallyport/server';
import type { Dropped, Naming } from '@sallyport/server';
import type { JsonObject } from '@sallyport/mcp-relay';
import type { DocumentOf } from '@sallyport/configuration';
import { textAnswer } from '../protocol/exchange.js';
import type { Answer } from '../protocol/exchange.js';
import type { ListKind } from '../protocol/lists.js';
import { titleOf } from '../protocol/server-title.js';
import { openListCursor, sealListCursor } from '../session/list-cursor.js';
import { decisionOn } from '../call/decide-operation.js';
import { serverInfoMeta } from './describe-gateway.js';
import type { Identity } from './describe-gateway.js';
import type { Perform } from './operation.js';
import { missingFor } from '../call/missing-for.js';
import { mostToolsOf } from './most-tools.js';
import { isVisible, visibleEntries } from './visible-entries.js';
import type { ReadListing } from '../call/read-listing.js';
import type { ObserveMissing } from '../call/resolve-name.js';
import type { StateSealer } from '../session/state-sealer.js';
import type { Missing, Refusal } from '../protocol/refusal.js';
import { documentsDigest } from '../call/configured-for.js';
import type { Call } from '../call/call.js';

/** How long a client may keep a list that is complete; one with a gap in it must be asked for again. */
const TTL_MS = 10_000;
export const UNAVAILABLE_META = 'sallyport/unavailableServers';
/** Entries that no client could read, or nobody could ask for. */
export const LEFT_OUT_META = 'sallyport/leftOut';
/** More tools than the agent shows its model: some of them are not seen by anybody. */
export const TOO_MANY_META = 'sallyport/moreThanShown';
const MAX_LEFT_OUT = 50;
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
type Share =
  | { readonly entries: readonly ListedEntry[]; readonly leftOut: readonly LeftOut[]; readonly ttlMs: number }
  | { readonly missing: Missing; /** For operators. */ readonly why?: string | undefined };
const NOTHING: Share = { entries: [], leftOut: [], ttlMs: TTL_MS };
interface LeftOut extends Pick<Dropped, 'reason' | 'member'> {
  /** The server's own. */
  readonly name?: string;
}

export interface ListEntriesUses {
  readonly readListing: ReadListing;
  readonly sealer: StateSealer;
  readonly identity: Identity;
  /** How long a list waits for one server. */
  readonly listTimeoutMs: number;
  /** Characters of JSON in one page of a list. */
  readonly listPageLength: number;
  readonly observeMissing?: ObserveMissing | undefined;
}

/**
 * One list out of all servers this caller may reach (R56, R60), by server and name, in pages of limited size. Listing
 * goes through the same policy as using: only what is denied for every argument is left out. A broken or slow server
 * costs its own entries alone and is named in `_meta`.
 */
export function createListEntries(uses: ListEntriesUses): Perform<'list'> {
  return (call, { what, cursor }) => listEntries(uses, call, what, cursor);
}

async function listEntries(
  uses: ListEntriesUses,
  call: Call,
  what: ListKind,
  cursor: string | undefined,
): Promise<Answer | Refusal> {
  const { sealer, listPageLength, observeMissing } = uses;
  const list = { caller: call.caller, what, target: call.inbound.target, documents: documentsDigest(call.snapshot) };
  const after = cursor === undefined ? undefined : openListCursor(sealer, list, cursor, call.now);
  if (cursor !== undefined && after === undefined) return { type: 'invalid-params', message: 'Unknown cursor.' };

  const servers = call.servers.filter((server) => after === undefined || server >= after.server);
  const shares = await Promise.all(
    servers.map(async (server) => ({ server, share: await shareOf(uses, call, server, what) })),
  );
  const missing = shares.flatMap(({ server, share }) => ('missing' in share ? [{ server, ...share.missing }] : []));
  for (const { server, share } of shares)
    if (share !== NOTHING)
      observeMissing?.(
        server,
        'missing' in share ? { ...share.missing, ...(share.why === undefined ? {} : { why: share.why }) } : undefined,
      );
  const leftOut = shares.flatMap(({ server, share }) =>
    'leftOut' in share ? share.leftOut.map((entry) => ({ server, ...entry })) : [],
  );
  // The rest of a list is more than an entry.
  const told = [...leftOut.filter(isCut), ...leftOut.filter((entry) => !isCut(entry))].slice(0, MAX_LEFT_OUT);

  const tooMany = what === 'tools' ? moreThanShown(call, shares) : undefined;
  const rest = shares.flatMap(({ server, share }) =>
    ('entries' in share ? share.entries : [])
      .filter(({ publicName }) => server !== after?.server || publicName > after.publicName)
      .map((entry) => ({ server, ...entry })),
  );
  const page = rest.slice(0, pageLength(rest, listPageLength));
  const last = page.at(-1);
  const nextCursor =
    last !== undefined && page.length < rest.length ? sealListCursor(sealer, list, last, call.now) : undefined;
  const ttlMs =
    missing.length > 0 ? 0 : Math.min(TTL_MS, ...shares.map(({ share }) => ('ttlMs' in share ? share.ttlMs : 0)));
  const about = { nextCursor, missing, leftOut: told, tooMany, ttlMs };
  return textAnswer(200, listText(uses.identity, call, what, page, about));
}

/** Nobody else tells: the agent drops what is beyond its limit. The record says it to administrators. */
function moreThanShown(
  call: Call,
  shares: readonly { readonly share: Share }[],
): { readonly listed: number; readonly shown: number } | undefined {
  const shown = mostToolsOf(call.caller.agentName);
  const listed = shares.reduce((sum, { share }) => sum + ('entries' in share ? share.entries.length : 0), 0);
  if (shown === undefined || listed <= shown) return undefined;
  call.notes.because(`more_tools_than_agent_shows:${listed}>${shown}`);
  return { listed, shown };
}

/** As many entries as fit into a page, and one at least. */
function pageLength(entries: readonly ListedEntry[], limit: number): number {
  let size = 0;
  const tooLong = entries.findIndex(({ json }, index) => (size += json.length) > limit && index > 0);
  return tooLong === -1 ? entries.length : tooLong;
}

async function shareOf(
  { readListing, listTimeoutMs }: ListEntriesUses,
  call: Call,
  serverName: string,
  what: ListKind,
): Promise<Share> {
  const server = call.snapshot.get('McpServer', serverName);
  const decision = decisionOn(call, serverName, { type: LIST_ACTIONS[what] });
  if (server === undefined || decision.outcome !== 'allow') return NOTHING;
  const reached = await readListing(call, decision.permit, server, what, {
    maxAgeMs: 'ttl',
    waitMs: listTimeoutMs,
  });
  // Where the user has not connected, one tool says how; there is nothing else to list.
  if (reached.type === 'connect_required')
    return { entries: what === 'tools' ? [connectTool(server, call.naming)] : [], leftOut: [], ttlMs: 0 };
  if (reached.type !== 'used') return { missing: { reason: reached.type } };
  if (reached.value.type === 'failed') return { missing: missingFor(reached.value), why: reached.value.why };
  const { listing, readAt, ttlMs } = reached.value;
  const isModern = call.request.era === 'modern';
  const shown =
    what === 'resources'
      ? [...listing.entries.values()].filter((entry) => isListed(call, serverName, what, entry))
      : visibleEntries(call.policies, call.caller, what, listing);
  return {
    entries: shown.map(({ publicName, json, legacyJson }) => ({ publicName, json: isModern ? json : legacyJson })),
    leftOut: leftOutOf(call, serverName, what, listing.dropped),
    ttlMs: Math.max(0, Math.floor(readAt + ttlMs - call.now)),
  };
}

/** What this caller may know of is named; what cannot be decided on is only said to be there. */
function leftOutOf(call: Call, server: string, what: ListKind, dropped: readonly Dropped[]): readonly LeftOut[] {
  return dropped.flatMap(({ name, reason, member, definition }): LeftOut[] => {
    const isDecidable = name !== '' && reason !== 'no-public-uri';
    if (isDecidable && !isListed(call, server, what, { name, definition })) return [];
    return [{ ...(isDecidable ? { name } : {}), reason, ...(member === undefined ? {} : { member }) }];
  });
}

function isListed(
  call: Call,
  server: string,
  what: ListKind,
  entry: { readonly name: string; readonly definition?: string | undefined },
): boolean {
  // A resource has no arguments: it is listed when reading it is allowed now, or a step-up away.
  return what === 'resources'
    ? decisionOn(call, server, { type: 'resource', uri: entry.name }).outcome !== 'deny'
    : isVisible(call.policies, call.caller, server, what, entry);
}

interface Told {
  readonly nextCursor: string | undefined;
  readonly missing: readonly unknown[];
  readonly leftOut: readonly unknown[];
  readonly tooMany: object | undefined;
  readonly ttlMs: number;
}

function listText(
  identity: Identity,
  call: Call,
  what: ListKind,
  entries: readonly ListedEntry[],
  { nextCursor, missing, leftOut, tooMany, ttlMs }: Told,
): string {
  const isModern = call.request.era === 'modern';
  const meta: JsonObject = {
    ...(isModern ? serverInfoMeta(identity) : {}),
    ...(missing.length > 0 ? { [UNAVAILABLE_META]: missing } : {}),
    ...(leftOut.length > 0 ? { [LEFT_OUT_META]: leftOut } : {}),
    ...(tooMany === undefined ? {} : { [TOO_MANY_META]: tooMany }),
  };
  const head = isModern ? `"resultType":"complete","ttlMs":${ttlMs},"cacheScope":"private",` : '';
  const next = nextCursor === undefined ? '' : `,"nextCursor":${JSON.stringify(nextCursor)}`;
  const tail = Object.keys(meta).length > 0 ? `,"_meta":${JSON.stringify(meta)}` : '';
  const listed = entries.map(({ json }) => json).join(',');
  const id = JSON.stringify(call.request.id);
  return `{"jsonrpc":"2.0","id":${id},"result":{${head}"${what}":[${listed}]${next}${tail}}}`;
}

function connectTool(server: DocumentOf<'McpServer'>, naming: Naming): ListedEntry {
  const title = titleOf(server);
  const publicName = connectToolName(server.name, naming);
  const json = JSON.stringify({
    name: publicName,
    title: `Connect ${title}`,
    description:
      `${title} needs an account of the user's. Call this tool for a link with which the user connects it ` +
      'once; then list the tools again.',
    inputSchema: { type: 'object', properties: {}, additionalProperties: false },
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  });
  return { publicName, json };
}
