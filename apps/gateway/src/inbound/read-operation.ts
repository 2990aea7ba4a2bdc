import { isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject } from '@sallyport/mcp-relay';
import type { Refusal } from '../request-path/refusal.js';
import type { Operation } from './client-message.js';

const MAX_NAME = 256;
const MAX_URI = 8192;

/** The operation a method asks for in its era, with the parameters it needs. What we do not relay does not exist (R54). */
export function readOperation(era: 'modern' | 'legacy', method: string, params: JsonObject): Operation | Refusal {
  switch (method) {
    case 'server/discover':
      return era === 'modern' ? { type: 'discover' } : unknownMethod(method);
    case 'initialize': {
      if (era === 'modern') return unknownMethod(method);
      const { protocolVersion, capabilities } = params;
      if (typeof protocolVersion !== 'string' || !isJsonObject(capabilities)) return { refused: 'invalid-params', message: 'protocolVersion and capabilities are required.' };
      return { type: 'initialize', requestedVersion: protocolVersion };
    }
    case 'ping':
      return era === 'legacy' ? { type: 'ping' } : unknownMethod(method);
    case 'tools/list':
      return readList('tools', params);
    case 'resources/list':
      return readList('resources', params);
    case 'resources/templates/list':
      return readList('resourceTemplates', params);
    case 'tools/call': {
      const { name, arguments: args } = params;
      if (typeof name !== 'string' || name === '' || name.length > MAX_NAME) return { refused: 'invalid-params', message: 'name is required.' };
      if (args !== undefined && !isJsonObject(args)) return { refused: 'invalid-params', message: 'arguments must be an object.' };
      if ('task' in params) return { refused: 'invalid-params', message: 'Tasks are not supported.' };
      return { type: 'call', name, arguments: args };
    }
    case 'resources/read': {
      const { uri } = params;
      if (typeof uri !== 'string' || uri === '' || uri.length > MAX_URI) return { refused: 'invalid-params', message: 'uri is required.' };
      return { type: 'read', uri };
    }
    default:
      return unknownMethod(method);
  }
}

/** Our lists are one page: no cursor is ours. */
function readList(what: 'tools' | 'resources' | 'resourceTemplates', params: JsonObject): Operation | Refusal {
  return params['cursor'] === undefined ? { type: 'list', what } : { refused: 'invalid-params', message: 'Unknown cursor.' };
}

const unknownMethod = (method: string): Refusal => ({ refused: 'unknown-method', method: method.slice(0, 64) });
