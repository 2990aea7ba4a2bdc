import { isJsonObject, LOG_LEVELS, logLevelOf } from '@sallyport/mcp-relay';
import type { ServerMessage } from '@sallyport/mcp-relay';
import type { ServerCall } from './server-call.js';

/** A notification as this client may see it, written anew from what was looked at: another reader may see another method in the server's text. */
export function relayedNotification({ call, lease }: ServerCall, { value: { id, method, params } }: ServerMessage): string | undefined {
  if (id !== undefined || typeof method !== 'string' || !isJsonObject(params)) return undefined;
  const { meta, era } = call.request;
  switch (method) {
    case 'notifications/progress':
      // Of this request: another one's token is another one's business.
      if (params['progressToken'] !== meta?.['progressToken']) return undefined;
      break;
    case 'notifications/message':
      if (era === 'modern' && !isSevereEnough(params['level'], logLevelOf({ meta }))) return undefined;
      break;
    default:
      return undefined;
  }
  return lease.redact(JSON.stringify({ jsonrpc: '2.0', method, params }));
}

/** A modern client that names no level wants no log. */
function isSevereEnough(level: unknown, wanted: string | undefined): boolean {
  const levels: readonly unknown[] = LOG_LEVELS;
  return wanted !== undefined && levels.indexOf(level) >= levels.indexOf(wanted);
}
