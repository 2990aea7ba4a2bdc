import { serversFor } from '@sallyport/policy';
import type { Action } from '@sallyport/policy';
import { serverResourceUri } from '@sallyport/server';
import type { Answer } from '../http/exchange.js';
import { decideOperation } from './decide-operation.js';
import { leaseAndForward, requestOf } from './lease-and-forward.js';
import type { RefuseLate } from './lease-and-forward.js';
import { readRetry } from './read-retry.js';
import { isRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';
import type { Call } from './request-path.js';

/** resources/read: resolve target → decide → lease → forward; the server is the one the URI names (R61, S13). */
export async function readResource(call: Call, publicUri: string, refuseLate: RefuseLate): Promise<Answer | Refusal> {
  const unknown: Refusal = { refused: 'unknown-resource', uri: publicUri };
  const found = serverResourceUri(publicUri, serversFor(call.policies, call.caller), call.prefix);
  const server = found === undefined ? undefined : call.snapshot.get('McpServer', found.server);
  if (found === undefined || server === undefined) return unknown;
  call.facts.server = server.name;
  call.facts.target = found.uri;
  const retry = readRetry(call, server);
  if (isRefusal(retry)) return retry;
  // A resource that may not be read looks like one that is not there (S15).
  const action: Action = { type: 'resource', uri: found.uri };
  const permit = decideOperation(call, server.name, action, unknown);
  if (isRefusal(permit)) return permit;
  return await leaseAndForward(call, permit, server, action, { ...requestOf(call, { uri: found.uri, ...retry.params }), name: found.uri }, refuseLate);
}
