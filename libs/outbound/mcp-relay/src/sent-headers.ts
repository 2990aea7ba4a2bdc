import type { RequestCredential } from './request-credential.js';

const lowerCased = new WeakMap<RequestCredential['headers'], Readonly<Record<string, string>>>();

/** Of one credential always the same object: it is used for many requests. */
function lowerCasedOf(headers: RequestCredential['headers']): Readonly<Record<string, string>> {
  let known = lowerCased.get(headers);
  if (known === undefined) {
    known = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    lowerCased.set(headers, known);
  }
  return known;
}

/** What a request is sent with, in lower case. The credential's headers override none of the protocol's. */
export const sentHeaders = (
  { headers: ofCredential }: RequestCredential,
  own: Readonly<Record<string, string>>,
  userAgent: string,
  ofProtocol: Readonly<Record<string, string>>,
): Record<string, string> => ({
  ...lowerCasedOf(ofCredential),
  ...own,
  'user-agent': userAgent,
  ...ofProtocol,
});
