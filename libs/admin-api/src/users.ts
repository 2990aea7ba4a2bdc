import { isId } from '@sallyport/kernel';
import { z } from 'zod';
import { Moment, PageSize, text } from './fields.js';
import { route } from './route.js';

/** What identity providers said of a user, and what the user has here. Nothing that signs anybody in. */
const User = z.object({
  id: z.string(),
  /** The name of the `TrustProvider` that vouches for them, and who they are there. */
  trustProvider: z.string(),
  subject: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  groups: z.array(z.string()),
  /** Values of the provider's roles claim. */
  providerRoles: z.array(z.string()),
  firstSignInAt: Moment,
  lastSignInAt: Moment,
  /** How many sessions of agents are live. */
  sessions: z.int(),
  /** How many accounts at servers are connected, in whichever state. */
  connections: z.int(),
});

export const userRoutes = {
  listUsers: route({
    method: 'GET',
    path: '/v1/users',
    permission: 'users:read',
    summary: 'Lists users who have signed in, the newest first, with what each has here.',
    query: z.strictObject({
      trustProvider: text(64).optional(),
      /** Exactly as the identity provider says it. */
      email: text(320).optional(),
      /** Members of this group at their identity provider. */
      group: text(512).optional(),
      /** `next` of the page before. */
      before: z
        .string()
        .refine((value) => isId('usr', value), 'must be the id of a user')
        .optional(),
      limit: PageSize,
    }),
    answers: { 200: z.object({ users: z.array(User), next: z.string().nullable() }) },
  }),
  readUser: route({
    method: 'GET',
    path: '/v1/users/:id',
    permission: 'users:read',
    summary: 'Reads one user.',
    params: z.strictObject({ id: text(64) }),
    answers: { 200: User },
    problems: { 404: 'There is no such user.' },
  }),
};
