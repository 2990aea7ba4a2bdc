/**
 * Who administers: the roles that `Administrators` documents give a user or a machine agent. This door stands apart
 * from the policies of both hops: no role of an administrator opens a server, and no policy gives one.
 */
export { administratorRolesOf, confersOn, hasAdministrators } from './administrator-roles.js';
export type { Administering } from './administrator-roles.js';
export type { Membership } from '../roles.js';
