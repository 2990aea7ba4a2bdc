import { inWordsOf, isJsonObject } from '@sallyport/mcp-relay';
import type { ServerMessage } from '@sallyport/mcp-relay';
import { normalResourceUri, publicResourceUri } from '@sallyport/server';
import { isLogged } from '../protocol/log-level.js';
import { withoutRelatedTask } from './convert-task.js';
import type { Decisions } from '../call/decide-operation.js';
import type { ResourceSubscriptions } from '../session/resource-subscriptions.js';
import type { Call } from '../call/call.js';
import type { ServerCall } from './server-call.js';

export interface NotifyUses {
  readonly decisions: Decisions;
  readonly resourceSubscriptions: ResourceSubscriptions;
}

/**
 * A notification as this client may see it, or `undefined` if it may not. The text is written anew from what was looked
 * at: another reader may see another method in the server's text.
 */
export function relayedNotification(
  uses: NotifyUses,
  { call, server, lease }: ServerCall,
  message: ServerMessage,
): string | undefined {
  const { id, method, params } = message.value;
  if (id !== undefined || typeof method !== 'string' || !isJsonObject(params)) return undefined;
  const { meta, logLevel } = call.request;
  switch (method) {
    case 'notifications/progress':
      // Of this request: another one's token is another one's business.
      if (meta?.['progressToken'] === undefined || params['progressToken'] !== meta['progressToken']) return undefined;
      break;
    case 'notifications/message':
      if (!isLogged(logLevel, params['level'])) return undefined;
      break;
    case 'notifications/resources/updated':
      return updateText(uses, call, server.name, params['uri']);
    default:
      return undefined;
  }
  return lease.redactJson(inWordsOf(message, { jsonrpc: '2.0', method, params: withoutRelatedTask(params) }));
}

/** Some older servers tell of a resource in the call that changed it; a client with sessions may hear it there. */
function updateText(
  { decisions, resourceSubscriptions }: NotifyUses,
  call: Call,
  server: string,
  uri: unknown,
): string | undefined {
  const { session } = call.request;
  const normal = typeof uri === 'string' ? normalResourceUri(uri) : undefined;
  if (session === undefined || normal === undefined) return undefined;
  const subscribed = resourceSubscriptions.of(session.id);
  if (!subscribed.some((resource) => resource.server === server && resource.uri === normal)) return undefined;
  const isHeard = decisions.mayHear(call, server, { type: 'resource', uri: normal });
  const publicUri = isHeard ? publicResourceUri(server, normal, call.naming.prefix) : undefined;
  return publicUri === undefined
    ? undefined
    : JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: publicUri } });
}
