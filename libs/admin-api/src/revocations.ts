import { Revocation } from '@sallyport/configuration/log';
import { z } from 'zod';
import { idempotent, Reason, text } from './fields.js';
import { route } from './route.js';

export const RevocationRequest = z
  .strictObject({
    user: text(64).optional(),
    /** The agent's client id. */
    agent: text(2048).optional(),
    session: text(64).optional(),
    /** Everything leased for this server. */
    server: text(64).optional(),
    /** Everything leased from this credential provider, for any server. */
    credentialProvider: text(64).optional(),
    /** Also refuses what is issued from now on; for users and agents. */
    block: z.boolean().optional(),
    /**
     * Which connections end with it. Of an agent: those of its users that no other live agent uses (`unused`, the
     * default), `all` that it may use, or `none`. Of a user, a server or a credential provider: all, or `none`.
     */
    connections: z.enum(['unused', 'all', 'none']).optional(),
    reason: Reason.optional(),
  })
  .refine(
    ({ user, agent, session, server, credentialProvider }) =>
      [user ?? agent, session, server, credentialProvider].filter((named) => named !== undefined).length === 1,
    'name a user, an agent, both, a session, a server, or a credential provider',
  )
  .refine(({ session, connections }) => session === undefined || connections === undefined, {
    path: ['connections'],
    message: 'are not touched by the end of one session: leave it out',
  })
  .refine(
    ({ server, credentialProvider, connections }) =>
      (server ?? credentialProvider) === undefined || connections !== 'unused',
    { path: ['connections'], message: 'are all of that server or credential provider, or `none`' },
  )
  .refine(({ session, block }) => !(session !== undefined && block), {
    path: ['block'],
    message: 'a session never comes back anyway: leave it out',
  })
  .refine(({ server, credentialProvider, block }) => !((server ?? credentialProvider) !== undefined && block), {
    path: ['block'],
    message: 'is for users and agents: remove the document, and nothing is leased any more',
  });
export type RevocationRequest = z.infer<typeof RevocationRequest>;

export const revocationRoutes = {
  revoke: route({
    method: 'POST',
    path: '/v1/revocations',
    permission: 'revocations:create',
    summary: 'Revokes access. Answers once the revocation is on the bus: in force well under a second later.',
    headers: idempotent,
    body: RevocationRequest,
    answers: {
      201: Revocation.extend({
        reason: z.string().nullable(),
        /** The configuration revision that carries it. */
        revision: z.int(),
        /** How many connections ended with it. */
        disconnected: z.int(),
      }),
    },
    problems: {
      404: 'There is no such user, session, server or credential provider.',
      503: 'The revocation is recorded, and will be in force as soon as the bus is reachable.',
    },
  }),
};
