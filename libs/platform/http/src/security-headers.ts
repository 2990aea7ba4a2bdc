/**
 * The headers of every answer. A route that renders a page replaces the content security policy with its own.
 * @param publicUrls the main public URL first, which decides about HSTS (RFC 6797); the others may be http
 */
export function securityHeaders(
  profile: 'pages' | 'api',
  publicUrls: readonly string[],
): Readonly<Record<string, string>> {
  const common = {
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    ...(publicUrls[0]?.startsWith('https:') ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  };
  if (profile === 'api') return common;
  return {
    ...common,
    'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    'x-frame-options': 'DENY',
    // Not `no-referrer`: browsers would then send `Origin: null` with our own forms, which the host guard refuses.
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  };
}
