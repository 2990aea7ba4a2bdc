import type { DocumentOf } from '@sallyport/configuration';
import type { Action } from '@sallyport/policy';
import { serverResourceUri } from '@sallyport/server';
import type { Call } from '../call/call.js';
import { decisionOn } from '../call/decide-operation.js';
import { findResource } from '../call/find-resource.js';
import type { ReadListing } from '../call/read-listing.js';
import { refusalOfLease } from '../call/refusal-of-lease.js';
import { requestOf } from '../call/target.js';
import { readRetry } from '../conversation/read-retry.js';
import { isRefusal } from '../protocol/refusal.js';
import type { Refusal } from '../protocol/refusal.js';
import type { StateSealer } from '../session/state-sealer.js';
import type { Perform } from './operation.js';

export interface ReadResourceUses {
  readonly readListing: ReadListing;
  readonly sealer: StateSealer;
}

/** resources/read: the resource of the one server that its URI names (R61, S13). */
export function createReadResource(uses: ReadResourceUses): Perform<'read'> {
  return async (call, { uri: publicUri }) => {
    const unknown: Refusal = { type: 'unknown-resource', uri: publicUri };
    const found = findResource(call, serverResourceUri(publicUri, call.servers, call.naming.prefix), unknown);
    if (isRefusal(found)) return found;
    const { server, uri } = found;
    call.notes.target({ server: server.name, target: uri });
    const retry = readRetry(uses.sealer, call, server);
    if (isRefusal(retry)) return retry;
    const action = await actionToRead(uses, call, server, uri);
    if (isRefusal(action)) return action;
    const request = { ...requestOf(call, { uri, ...retry.params }), name: uri };
    // A resource that may not be read looks like one that is not there (S15).
    return { type: 'target', server, action, denied: unknown, request };
  };
}

/**
 * What reading this URI is to policy. A view (MCP Apps, `ui://`) belongs to the tools that name it: whoever may call
 * one of them may read it (R65). Everything else, and a view that policy lists as a resource, is a resource.
 */
async function actionToRead(
  { readListing, sealer }: ReadResourceUses,
  call: Call,
  server: DocumentOf<'McpServer'>,
  uri: string,
): Promise<Action | Refusal> {
  const asResource: Action = { type: 'resource', uri };
  if (!uri.startsWith('ui://') || decisionOn(call, server.name, asResource).outcome === 'allow') return asResource;
  const listing = decisionOn(call, server.name, { type: 'list-tools' });
  if (listing.outcome !== 'allow') return asResource;
  const reached = await readListing(call, listing.permit, server, 'tools');
  if (reached.type === 'connect_required') return refusalOfLease(sealer, call, server, reached);
  if (reached.type !== 'used' || reached.value.type === 'failed') return asResource;
  const views = [...reached.value.listing.entries.values()]
    .filter(({ viewUri }) => viewUri === uri)
    .map(({ name, definition }): Action => ({ type: 'tool-view', name, definition }));
  const withOutcome = (outcome: 'allow' | 'step-up') =>
    views.find((view) => decisionOn(call, server.name, view).outcome === outcome);
  return withOutcome('allow') ?? withOutcome('step-up') ?? asResource;
}
