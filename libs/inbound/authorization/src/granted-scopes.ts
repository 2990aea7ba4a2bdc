/** Scopes of the engine itself; they open nothing at the gateway. */
const PROTOCOL_SCOPES: ReadonlySet<string> = new Set(['openid', 'offline_access']);

export interface GrantedScopes {
  /** In the order they were asked for. */
  readonly granted: readonly string[];
  /** Asked for and not entitled to, or unknown here. */
  readonly withheld: readonly string[];
}

/**
 * An agent gets what it asked for, as far as the human is entitled to it (R11, R32); with nothing asked for, all the
 * human is entitled to. Entitlement comes from roles alone: neither the agent nor the request can add to it.
 */
export function grantedScopes(requested: readonly string[], entitled: ReadonlySet<string>): GrantedScopes {
  const asked = [...new Set(requested)].filter((scope) => !PROTOCOL_SCOPES.has(scope));
  if (asked.length === 0) return { granted: [...entitled].toSorted(), withheld: [] };
  return {
    granted: asked.filter((scope) => entitled.has(scope)),
    withheld: asked.filter((scope) => !entitled.has(scope)),
  };
}
