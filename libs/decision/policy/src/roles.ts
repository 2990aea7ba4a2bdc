import type { ConfigurationSnapshot, Members } from '@sallyport/configuration';

/** Who somebody is at their identity provider, as far as roles depend on it (security rule S1: never by e-mail). */
export interface Membership {
  readonly trustProvider: string;
  readonly groups: readonly string[];
  /** What the provider itself calls roles; ours are bound to them. */
  readonly providerRoles: readonly string[];
  readonly subject: string;
}

/**
 * Whether these members include somebody: by group, by a role the provider claims or by subject, everybody of that
 * provider when nothing is listed. The same name at another provider means nothing.
 */
export function isAmong(members: readonly Members[], membership: Membership): boolean {
  const { trustProvider, groups, providerRoles, subject } = membership;
  return members.some(
    (listed) =>
      listed.trustProvider === trustProvider &&
      ((listed.groups === undefined && listed.providerRoles === undefined && listed.subjects === undefined) ||
        listed.groups?.some((group) => groups.includes(group)) ||
        listed.providerRoles?.some((role) => providerRoles.includes(role)) ||
        listed.subjects?.includes(subject)),
  );
}

/** The roles somebody has now, sorted. A role's members are listed per trust provider. */
export function rolesFor(snapshot: ConfigurationSnapshot, membership: Membership): string[] {
  return snapshot
    .all('Role')
    .filter(({ spec }) => isAmong(spec.members, membership))
    .map((role) => role.name);
}

/** Every scope these roles entitle to; a role that no longer exists entitles to none. */
export function scopesForRoles(snapshot: ConfigurationSnapshot, roles: Iterable<string>): Set<string> {
  const scopes = new Set<string>();
  for (const name of roles) for (const scope of snapshot.get('Role', name)?.spec.scopes ?? []) scopes.add(scope);
  return scopes;
}
