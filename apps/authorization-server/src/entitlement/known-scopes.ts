import type { ConfigurationSnapshot } from '@sallyport/configuration';

/** Every scope that any role gives, sorted. */
export function scopesOfRoles(snapshot: ConfigurationSnapshot): readonly string[] {
  return [...new Set(snapshot.all('Role').flatMap((role) => role.spec.scopes))].toSorted();
}

/** The scopes that mean something here: a role gives them, or a policy asks for them. */
export function knownScopes(snapshot: ConfigurationSnapshot): ReadonlySet<string> {
  const asked = snapshot
    .all('AccessPolicy')
    .flatMap(({ spec }) =>
      spec.hop === 'gateway-to-server' ? [...spec.tools, ...spec.resources, ...spec.prompts] : [],
    );
  return new Set([...scopesOfRoles(snapshot), ...asked.flatMap(({ scope }) => (scope === undefined ? [] : [scope]))]);
}
