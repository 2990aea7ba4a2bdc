import { isJsonObject } from '@sallyport/mcp-relay';
import type { ServerMessage } from '@sallyport/mcp-relay';
import { isLogged } from '../inbound/log-level.js';
import type { ServerCall } from './server-call.js';

/** A notification as this client may see it, written anew from what was looked at: another reader may see another method in the server's text. */
export function relayedNotification({ call, lease }: ServerCall, { value: { id, method, params } }: ServerMessage): string | undefined {
  if (id !== undefined || typeof method !== 'string' || !isJsonObject(params)) return undefined;
  const { meta, logLevel } = call.request;
  switch (method) {
    case 'notifications/progress':
      // Of this request: another one's token is another one's business.
      if (params['progressToken'] !== meta?.['progressToken']) return undefined;
      break;
    case 'notifications/message':
      if (!isLogged(logLevel, params['level'])) return undefined;
      break;
    default:
      return undefined;
  }
  return lease.redact(JSON.stringify({ jsonrpc: '2.0', method, params }));
}
