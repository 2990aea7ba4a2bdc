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
const NamedMembers = Members.extend({
  trustProvider: Name.describe('The `TrustProvider` that asserts the rest, of which there must be one at least.'),
}).refine(
  ({ groups, providerRoles, subjects }) =>
    [groups, providerRoles, subjects].some((named) => named !== undefined && named.length > 0),
  'needs `groups`, `providerRoles` or `subjects`: not everybody of an identity provider administers',
);

/** Only an `owner` writes such a document (security rule S29). */
export const AdministratorsSpec = z.strictObject({
  role: AdministratorRole.describe('What they may do; docs/administration.md says what each role permits.'),
  members: z.array(NamedMembers).max(256).default([]).describe('The users, by what their identity provider asserts.'),
  agents: z
    .array(Name)
    .max(256)
    .default([])
    .describe('Client ids of machine agents: pipelines. They are the names of `Agent` documents.'),
});
