import { MODERN_VERSION } from './modern-request.js';
import { isJsonObject } from './json-rpc.js';
import type { RelayAnswer } from './create-relay.js';

export type ServerEra = 'modern' | 'legacy';

/**
 * What an answer to a request of 2026-07-28 says about its server (mcp.md, "Telling the eras apart"). `undefined`: nothing.
 * 401, 403, 5xx and silence are never evidence; a 400 that no modern server gives means `initialize`.
 */
export function eraShownBy(answer: RelayAnswer): ServerEra | undefined {
  if (answer.type === 'stream') return 'modern';
  if (answer.type === 'failed') return answer.reason === 'http-status' && answer.status === 400 ? 'legacy' : undefined;
  if (answer.type !== 'message') return undefined;
  const { error, result } = answer.message.value;
  // A server of the old era that takes any version answers too, in its own words.
  if (!isJsonObject(error)) return isJsonObject(result) && 'resultType' in result ? 'modern' : undefined;
  const { code, data } = error;
  if (code === -32022) {
    const supported = isJsonObject(data) ? data['supported'] : undefined;
    return Array.isArray(supported) && supported.includes(MODERN_VERSION) ? 'modern' : 'legacy';
  }
  // Only 2026-07-28 has these, and only it answers 404 with "method not found".
  if (code === -32020 || code === -32021 || (answer.status === 404 && code === -32601)) return 'modern';
  return answer.status === 200 ? 'modern' : answer.status === 400 && code !== -32602 ? 'legacy' : undefined;
}
