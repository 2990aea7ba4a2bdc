import { MODERN_VERSION } from './modern-request.js';
import { isJsonObject } from './json-rpc.js';
import type { RelayAnswer } from './relay.js';

export type ServerEra = 'modern' | 'legacy';

/**
 * Whether an answer is the server's own word: silence, a broken connection and what we refused ourselves say nothing of
 * it.
 */
export const isWordOfServer = (answer: RelayAnswer): boolean =>
  answer.type !== 'failed' ||
  answer.reason === 'http-status' ||
  answer.reason === 'not-mcp' ||
  answer.reason === 'redirected' ||
  answer.reason === 'refused';

/** An answer that grants nothing. */
export const isRefused = (answer: RelayAnswer): boolean =>
  answer.type === 'failed' ||
  answer.type === 'credential-rejected' ||
  answer.type === 'accepted' ||
  (answer.type === 'message' && !('result' in answer.message.value));

/** "Method not found", as servers say it that say nothing else with it: with 404 it is a word of the new era. */
export const isUnknownMethod = (answer: RelayAnswer): boolean =>
  answer.type === 'message' &&
  answer.status === 200 &&
  isJsonObject(answer.message.value['error']) &&
  answer.message.value['error']['code'] === -32601;

/**
 * What an answer to a harmless request of 2026-07-28 says about its server (mcp.md, "Telling the eras apart"). Only the
 * errors of that revision mean `modern`, and only a result in its words does. `undefined`: nothing; whether it is of
 * the old era is for `initialize` to find out, which harms nobody either.
 */
export function eraShownBy(answer: RelayAnswer): ServerEra | undefined {
  if (answer.type !== 'message') return undefined;
  const { error, result } = answer.message.value;
  if (isJsonObject(result)) return 'resultType' in result || 'supportedVersions' in result ? 'modern' : undefined;
  if (!isJsonObject(error)) return undefined;
  const { code, data } = error;
  if (code === -32022) {
    const supported = isJsonObject(data) ? data['supported'] : undefined;
    return Array.isArray(supported) && supported.includes(MODERN_VERSION) ? 'modern' : 'legacy';
  }
  // Only 2026-07-28 has these, and only it answers 404 with "method not found".
  return code === -32020 || code === -32021 || (answer.status === 404 && code === -32601) ? 'modern' : undefined;
}

/** Requests that change nothing at a server: they can be made to learn something, and made again. */
export const isHarmless = ({ method }: { readonly method: string }): boolean =>
  method === 'server/discover' || method === 'initialize' || method === 'ping' || method.endsWith('/list');
