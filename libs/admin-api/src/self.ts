import { AdministratorRole } from '@sallyport/configuration';
import { z } from 'zod';
import { Actor } from './actor.js';
import { Permission } from './permission.js';
import { route } from './route.js';

export const selfRoutes = {
  readSelf: route({
    method: 'GET',
    path: '/v1/self',
    permission: 'status:read',
    summary: 'Tells who asks: as whom the API knows them, their roles at this moment, and what these permit.',
    answers: {
      200: z.object({
        actor: Actor,
        roles: z.array(AdministratorRole).readonly(),
        permissions: z.array(Permission).readonly(),
      }),
    },
  }),
};
