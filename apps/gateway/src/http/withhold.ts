import { rewriteJson } from '@sallyport/kernel/json';
import { isJsonObject } from '@sallyport/mcp-relay';
import type { Withheld } from '../protocol/exchange.js';

/** JSON-RPC, one message or a batch, in which what those clients hear stands in place of their results. */
export function withhold(json: string, withheld: Withheld): string {
  const told = withheld.flatMap(({ body }) =>
    body.type === 'text' ? [JSON.parse(body.text) as { readonly id?: unknown }] : [],
  );
  const inPlaceOf = (message: unknown) =>
    (isJsonObject(message) && told.find(({ id }) => id === message['id'])) || message;
  let answer: unknown;
  try {
    answer = JSON.parse(json);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // The rest of an answer that leaves in pieces; there is one call on such a stream.
    return JSON.stringify(told[0]);
  }
  return rewriteJson({ json, value: answer }, Array.isArray(answer) ? answer.map(inPlaceOf) : inPlaceOf(answer));
}
