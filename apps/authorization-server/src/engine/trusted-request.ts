import type { IncomingMessage } from 'node:http';

/**
 * Makes a request say only what we know. The engine builds its URLs from the request and believes forwarded headers:
 * both are ours, never the caller's (S19).
 * @param issuer of the authorization server
 * @param sourceIp the peer, or what a listed proxy says about it
 */
export function toTrustedRequest(request: IncomingMessage, issuer: URL, sourceIp: string): IncomingMessage {
  const { headers } = request;
  headers.host = issuer.host;
  headers['x-forwarded-proto'] = issuer.protocol.slice(0, -1);
  headers['x-forwarded-for'] = sourceIp;
  delete headers['x-forwarded-host'];
  // Only a browser is shown a page: elsewhere an error is JSON whatever a client says it prefers (RFC 6749 section
  // 5.2).
  if (!/^\/(?:authorize|device(?!\/auth\b)|\.well-known)\b/.test(request.url ?? ''))
    headers.accept = 'application/json';
  return request;
}
