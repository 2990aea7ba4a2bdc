import { z } from 'zod';
import { Name } from './fields.js';
import { Members } from './members.js';

/** What an administrator may be, from the one who may everything to the one who may look. */
export const AdministratorRole = z.enum([
  'owner',
  'credential-admin',
  'policy-author',
  'operator',
  'auditor',
  'viewer',
]);
export type AdministratorRole = z.infer<typeof AdministratorRole>;

/** Members who are named. A whole identity provider, which a `Role` may have as its member, administers nothing. */
const NamedMembers = Members.refine(
  ({ groups, providerRoles, subjects }) =>
    [groups, providerRoles, subjects].some((named) => named !== undefined && named.length > 0),
  'needs `groups`, `providerRoles` or `subjects`: not everybody of an identity provider administers',
);

/** Who administers, and as what. Only an `owner` writes such a document (security rule S29). */
export const AdministratorsSpec = z.strictObject({
  role: AdministratorRole,
  members: z.array(NamedMembers).max(256).default([]),
  /** Client ids of machine agents: pipelines. They are the names of `Agent` documents. */
  agents: z.array(Name).max(256).default([]),
});
