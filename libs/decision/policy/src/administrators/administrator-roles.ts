import { AdministratorRole, type ConfigurationSnapshot, type DocumentOf } from '@sallyport/configuration';
import { isAmong, type Membership } from '../roles.js';

/** Who asks for something of an administrator's: a user as their identity provider knows them, or a machine agent. */
export type Administering =
  | { readonly type: 'user'; readonly membership: Membership }
  | { readonly type: 'agent'; readonly clientId: string };

type Documents = Pick<ConfigurationSnapshot, 'all'>;

/** The roles of an administrator that somebody has now, the mightiest first; none for everybody else. */
export function administratorRolesOf(documents: Documents, who: Administering): readonly AdministratorRole[] {
  const given = new Set(
    documents
      .all('Administrators')
      .filter((document) => confersOn(document, who))
      .map(({ spec }) => spec.role),
  );
  return AdministratorRole.options.filter((role) => given.has(role));
}

/** Whether the document gives its role to whoever this is. */
export function confersOn({ spec }: DocumentOf<'Administrators' | 'Role'>, who: Administering): boolean {
  if (who.type === 'user') return isAmong(spec.members, who.membership);
  return 'agents' in spec && spec.agents.includes(who.clientId);
}

/** Whether anybody at all administers by a sign-in or as a machine; without, the token file is the one way. */
export function hasAdministrators(documents: Documents): boolean {
  return documents.all('Administrators').some(({ spec }) => spec.members.length + spec.agents.length > 0);
}
