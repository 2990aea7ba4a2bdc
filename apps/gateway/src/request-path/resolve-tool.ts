import { decide, serversFor, visible } from '@sallyport/policy';
import type { DocumentOf } from '@sallyport/configuration';
import { connectToolName, serversThatMayOffer } from '@sallyport/server';
import type { CataloguedTool } from '@sallyport/server';
import { leaseRefusal, readListing, titleOf } from './reach.js';
import type { Refusal } from './refusal.js';
import type { Call } from './request-path.js';

export type ResolvedTool =
  | { readonly type: 'tool'; readonly server: DocumentOf<'McpServer'>; readonly tool: CataloguedTool }
  /** Our own tool of that server, or any of its tools while its catalogue is unknown: first there must be a connection. */
  | { readonly type: 'connect'; readonly server: DocumentOf<'McpServer'> };

/** A name that was just not there may be new at the server: looked up again, unless the listing is this fresh. */
const FRESH_MS = 5_000;

/**
 * Finds the server and its own tool for a public name, by looking it up in the catalogue this caller sees; the name is
 * never split (security rule S12). Hidden, absent and unreachable by policy are one answer (S15).
 */
export async function resolveTool(call: Call, name: string): Promise<ResolvedTool | Refusal> {
  const unknown: Refusal = { refused: 'unknown-tool', name };
  let outcome: ResolvedTool | Refusal = unknown;
  for (const candidate of serversThatMayOffer(name, serversFor(call.policies, call.caller), call.prefix)) {
    outcome = await lookUp(call, candidate, name);
    if (!('refused' in outcome)) return outcome;
    if (outcome.refused !== 'unknown-tool') return outcome;
  }
  return outcome;
}

async function lookUp(call: Call, serverName: string, name: string): Promise<ResolvedTool | Refusal> {
  const unknown: Refusal = { refused: 'unknown-tool', name };
  const server = call.snapshot.get('McpServer', serverName);
  const decision = decide(call.policies, call.caller, { server: serverName, action: { type: 'list-tools' }, sourceIp: call.inbound.sourceIp, now: call.now });
  if (server === undefined || decision.outcome !== 'allow') return unknown;
  for (const maxAgeMs of [undefined, FRESH_MS]) {
    const reached = await readListing(call, decision.permit, server, 'tools', maxAgeMs);
    if (reached.type === 'connect_required') return { type: 'connect', server };
    if (reached.type !== 'used') return leaseRefusal(call, server, reached);
    if (reached.value.type === 'failed') return { refused: 'server-unavailable', title: titleOf(server), reason: reached.value.reason };
    const tool = reached.value.listing.tools.get(name);
    // A hidden one is looked up again as an absent one is: the time it takes must not tell them apart either (S15).
    if (tool !== undefined && visible(call.policies, call.caller, serverName, { name: tool.name })) return { type: 'tool', server, tool };
    // A retry of the connect tool arrives when the account is connected already.
    if (name === connectToolName(serverName)) return { type: 'connect', server };
  }
  return unknown;
}
