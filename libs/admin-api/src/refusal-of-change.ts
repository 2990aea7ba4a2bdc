import type { AdministratorRole, Document, DocumentKind, DocumentOf } from '@sallyport/configuration';
import { confersOn, type Administering } from '@sallyport/policy/administrators';
import { isPermitted, PERMISSIONS, permissionToWrite, type Permission } from './permission.js';

/** Who writes. `who` is absent where nobody in particular does: with the token file. */
export interface Writer {
  readonly roles: readonly AdministratorRole[];
  readonly who?: Administering | undefined;
}

/** One document as it is and as it shall be: `before` is absent where one is made, `after` where one goes. */
export interface DocumentChange {
  readonly kind: DocumentKind;
  readonly name: string;
  readonly before?: Document | undefined;
  readonly after?: Document | undefined;
}

export interface ChangeRefusal {
  readonly kind: DocumentKind;
  readonly name: string;
  readonly permission: Permission;
  /** The roles that may make this change; somebody else who has one may. */
  readonly roles: readonly AdministratorRole[];
  /** For whoever asked: what is refused, and who may do it. */
  readonly detail: string;
}

/**
 * Decides whether this writer may change this document (security rule S29). Three things are asked: whether a role of
 * theirs gives the permission for the kind; whether the document gives the writer a role, which nobody but an owner
 * writes for themselves; and whether the word of the document makes somebody an administrator, such as the keys of a
 * pipeline's agent, with which its writer could become that administrator.
 * @param stored every document as it is before the change: what a change set itself says of administrators counts not
 */
export function refusalOf(
  writer: Writer,
  change: DocumentChange,
  stored: readonly Document[],
): ChangeRefusal | undefined {
  const { kind, name } = change;
  const permission = permissionToWrite(kind);
  const refuse = (roles: readonly AdministratorRole[], why: string): ChangeRefusal => ({
    kind,
    name,
    permission,
    roles,
    detail: `${kind} "${name}" ${why}. An administrator with the role ${orOf(roles)} may do it.`,
  });
  if (!isPermitted(writer.roles, permission)) return refuse(PERMISSIONS[permission], `needs ${permission}`);
  if (writer.roles.includes('owner')) return undefined;
  const versions = [change.before, change.after].filter((version) => version !== undefined);
  if (versions.some((version) => confersOwnRole(writer, version)))
    return refuse(['owner'], 'gives you a role: nobody writes what gives a role to themselves');
  if (versions.some((version) => vouchesForAdministrators(version, stored)))
    return refuse(['owner'], 'says who is an administrator, with its keys or claims');
  return undefined;
}

const orOf = (roles: readonly string[]): string => roles.join(' or ');

function confersOwnRole({ who }: Writer, document: Document): boolean {
  return document.kind === 'Role' && who !== undefined && confersOn(document, who);
}

/** Whether somebody administers by the word of this document: where they sign in, or how a pipeline authenticates. */
function vouchesForAdministrators(document: Document, stored: readonly Document[]): boolean {
  const administrators = stored.filter((one): one is DocumentOf<'Administrators'> => one.kind === 'Administrators');
  const pipelines = new Set(administrators.flatMap(({ spec }) => spec.agents));
  switch (document.kind) {
    case 'TrustProvider':
      return administrators.some(({ spec }) => spec.members.some((member) => member.trustProvider === document.name));
    case 'Agent':
      return pipelines.has(document.name);
    case 'WorkloadIssuer':
      return stored.some(
        (one) =>
          one.kind === 'Agent' &&
          pipelines.has(one.name) &&
          one.spec.authentication.method === 'workload' &&
          one.spec.authentication.issuer === document.name,
      );
    default:
      return false;
  }
}
