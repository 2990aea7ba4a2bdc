import { isId } from '@sallyport/kernel';
import { z } from 'zod';
import { Flag, Moment, PageSize, Reason, text } from './fields.js';
import { route } from './route.js';

const AgentSession = z.object({
  sid: z.string(),
  userId: z.string(),
  clientId: z.string(),
  agentName: z.string(),
  assurance: z.string(),
  redirectHost: z.string().nullable(),
  userAgent: z.string().nullable(),
  sourceAddress: z.string().nullable(),
  lastUsedAddress: z.string().nullable(),
  createdAt: Moment,
  lastUsedAt: Moment,
  state: z.enum(['live', 'ended', 'revoked']),
  endedAt: Moment.nullable(),
  endReason: z.string().nullable(),
});

const AgentRegistration = z.object({
  clientId: z.string(),
  name: z.string().nullable(),
  redirectHosts: z.array(z.string()),
  /** The network it registered from; `null` when nobody knows. */
  network: z.string().nullable(),
  registeredAt: Moment,
  lastUsedAt: Moment.nullable(),
  /** How many sessions of it are live. */
  sessions: z.int(),
});

/** `next` of a page of registrations: a moment and an id, because the registration itself may be gone by then. */
const RegistrationCursor = z
  .string()
  .regex(/^\d{1,15}\.[\w-]{1,64}$/, 'must be the `next` of a page')
  .transform((cursor) => {
    const dot = cursor.indexOf('.');
    return { registeredAt: new Date(Number(cursor.slice(0, dot))), clientId: cursor.slice(dot + 1) };
  });

export const agentRoutes = {
  listAgentSessions: route({
    method: 'GET',
    path: '/v1/agent-sessions',
    permission: 'agents:read',
    summary: 'Lists sessions of agents, newest first: who let which agent in, from where, and whether it still comes.',
    query: z.strictObject({
      userId: text(64).optional(),
      clientId: text(2048).optional(),
      /** Leaves out sessions that ended or were revoked; a page may then be shorter than asked for. */
      live: Flag.prefault('false'),
      /** `next` of the page before. */
      before: z
        .string()
        .refine((value) => isId('ses', value), 'must be the sid of a session')
        .optional(),
      limit: PageSize,
    }),
    answers: { 200: z.object({ sessions: z.array(AgentSession), next: z.string().nullable() }) },
  }),
  listAgentRegistrations: route({
    method: 'GET',
    path: '/v1/agent-registrations',
    permission: 'agents:read',
    summary: 'Lists agents that registered themselves (RFC 7591), newest first, with how many sessions each has.',
    query: z.strictObject({
      /** `false`: only those to which no token was issued yet. */
      used: Flag.optional(),
      /** `next` of the page before. */
      before: RegistrationCursor.optional(),
      limit: PageSize,
    }),
    answers: { 200: z.object({ registrations: z.array(AgentRegistration), next: z.string().nullable() }) },
  }),
  removeAgentRegistration: route({
    method: 'DELETE',
    path: '/v1/agent-registrations/:clientId',
    permission: 'agents:remove',
    summary: 'Ends everything of an agent that registered itself, and removes its registration. Safe to repeat.',
    params: z.strictObject({ clientId: text(64) }),
    query: z.strictObject({
      reason: Reason.optional(),
      /** Says nothing: the path names the registration. */
      clientId: z.json().optional(),
    }),
    answers: { 200: z.object({ clientId: z.string(), disconnected: z.int() }) },
    problems: {
      404: 'There is no such registration.',
      503: 'What the agent had is ended, and its registration could not be removed yet.',
    },
  }),
};
