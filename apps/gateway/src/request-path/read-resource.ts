import type { DocumentOf } from '@sallyport/configuration';
import type { Action } from '@sallyport/policy';
import { serverResourceUri } from '@sallyport/server';
import type { Answer } from '../http/exchange.js';
import { decideOperation, decisionOn } from './decide-operation.js';
import { findResource } from './find-resource.js';
import { leaseAndForward, requestOf } from './lease-and-forward.js';
import type { RefuseLate } from './lease-and-forward.js';
import { leaseRefusal, readListing } from './reach.js';
import { readRetry } from './read-retry.js';
import { isRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';
import type { Call } from './request-path.js';

/** resources/read: resolve target → decide → lease → forward; the server is the one the URI names (R61, S13). */
export async function readResource(call: Call, publicUri: string, refuseLate: RefuseLate): Promise<Answer | Refusal> {
  const unknown: Refusal = { refused: 'unknown-resource', uri: publicUri };
  const found = findResource(call, serverResourceUri(publicUri, call.servers, call.prefix), unknown);
  if (isRefusal(found)) return found;
  const { server } = found;
  call.facts.server = server.name;
  call.facts.target = found.uri;
  const retry = readRetry(call, server);
  if (isRefusal(retry)) return retry;
  // A resource that may not be read looks like one that is not there (S15).
  const action = await actionToRead(call, server, found.uri);
  if (isRefusal(action)) return action;
  const permit = decideOperation(call, server.name, action, unknown);
  if (isRefusal(permit)) return permit;
  return await leaseAndForward(
    call,
    permit,
    server,
    action,
    { ...requestOf(call, { uri: found.uri, ...retry.params }), name: found.uri },
    refuseLate,
  );
}

/**
 * What reading this URI is to policy. A view (MCP Apps, `ui://`) belongs to the tools that name it: whoever may call one of
 * them may read it (R65). Everything else, and a view that policy lists as a resource, is a resource.
 */
async function actionToRead(call: Call, server: DocumentOf<'McpServer'>, uri: string): Promise<Action | Refusal> {
  const asResource: Action = { type: 'resource', uri };
  if (!uri.startsWith('ui://') || decisionOn(call, server.name, asResource).outcome === 'allow') return asResource;
  const listing = decisionOn(call, server.name, { type: 'list-tools' });
  if (listing.outcome !== 'allow') return asResource;
  const reached = await readListing(call, listing.permit, server, 'tools');
  if (reached.type === 'connect_required') return leaseRefusal(call, server, reached);
  if (reached.type !== 'used' || reached.value.type === 'failed') return asResource;
  const views = [...reached.value.listing.entries.values()]
    .filter(({ viewUri }) => viewUri === uri)
    .map(({ name, definition }): Action => ({ type: 'tool-view', name, definition }));
  const withOutcome = (outcome: 'allow' | 'step-up') =>
    views.find((view) => decisionOn(call, server.name, view).outcome === outcome);
  return withOutcome('allow') ?? withOutcome('step-up') ?? asResource;
}
