export interface GrantedScopes {
  /** In the order in which the agent requested them. */
  readonly granted: readonly string[];
  /** Requested and in use here, but not given by the user's roles. */
  readonly withheld: readonly string[];
}

/**
 * An agent gets what it asked for, as far as the human is entitled to it (R11, R32); with nothing asked for, all the
 * human is entitled to. Entitlement comes from roles alone: neither the agent nor the request can add to it. Scopes
 * that mean nothing here (`profile`, `offline_access`, another product's) are as if nobody had asked for them (RFC 6749
 * section 3.3): agents ask for what they are used to.
 * @param isKnown whether a role gives it or a policy asks for it
 */
export function grantedScopes(
  requested: readonly string[],
  { entitled, isKnown }: { readonly entitled: ReadonlySet<string>; readonly isKnown: (scope: string) => boolean },
): GrantedScopes {
  const asked = [...new Set(requested)].filter(isKnown);
  if (asked.length === 0) return { granted: [...entitled].toSorted(), withheld: [] };
  return {
    granted: asked.filter((scope) => entitled.has(scope)),
    withheld: asked.filter((scope) => !entitled.has(scope)),
  };
}
