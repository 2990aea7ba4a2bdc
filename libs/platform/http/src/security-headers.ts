/**
 * Sent with every answer; a route that renders its own page replaces the content security policy.
 * @param publicUrls the public one first; names used inside may be http all the same
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
