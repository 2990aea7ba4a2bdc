import { z } from 'zod';
import { Moment, PageSize, text } from './fields.js';
import { route } from './route.js';

const Connection = z.object({
  id: z.string(),
  /** `null`: the connection is everybody's. */
  userId: z.string().nullable(),
  server: z.string(),
  credentialProvider: z.string(),
  state: z.enum(['connected', 'misconfigured', 'needs_reconnect']),
  revision: z.int(),
  issuer: z.string(),
  resource: z.string(),
  scopes: z.array(z.string()).readonly(),
  refreshFailures: z.int(),
  /** What the account is called at the provider, if the provider says. */
  account: z.string().nullable(),
  lastUsedAt: Moment.nullable(),
  accessExpiresAt: Moment.nullable(),
  refreshDueAt: Moment.nullable(),
  createdAt: Moment,
  updatedAt: Moment,
});

const UpstreamRevocation = z.object({
  connectionId: z.string(),
  userId: z.string().nullable(),
  server: z.string(),
  credentialProvider: z.string(),
  issuer: z.string(),
  attempts: z.int(),
  removedAt: Moment,
  nextAttemptAt: Moment,
  givesUpAt: Moment,
});

/** How an issuer has been answering refreshes. Paused: it is asked only by a probe, at `nextProbeAt`. */
const IssuerHealth = z.object({
  issuer: z.string(),
  state: z.enum(['failing', 'paused']),
  reason: z.string(),
  error: z.string().nullable(),
  description: z.string().nullable(),
  failures: z.int(),
  failedAt: Moment.nullable(),
  pausedSince: Moment.nullable(),
  failedProbes: z.int(),
  nextProbeAt: Moment.nullable(),
});

/** How connecting has been failing; `said` is in the provider's own words. */
const ConnectHealth = z.object({
  failures: z.int(),
  failedAt: Moment,
  reason: z.string(),
  said: z.string().nullable(),
  remedy: z.string().nullable(),
});

const CredentialProvider = z.object({
  name: z.string(),
  type: z.string(),
  server: z.string(),
  state: z.enum(['working', 'failing', 'paused']),
  issuers: z.array(IssuerHealth),
  connects: ConnectHealth.nullable(),
});

/** Who we are at an authorization server where we registered ourselves (RFC 7591). */
const ClientRegistration = z.object({
  issuer: z.string(),
  clientId: z.string(),
  authentication: z.string(),
  redirectUri: z.string(),
  expiresAt: Moment.nullable(),
  createdAt: Moment,
});

export const connectionRoutes = {
  listConnections: route({
    method: 'GET',
    path: '/v1/connections',
    permission: 'connections:read',
    summary: 'Lists connections to servers. Nothing sealed is in the answer.',
    query: z.strictObject({ userId: text(64).optional(), limit: PageSize }),
    answers: { 200: z.object({ connections: z.array(Connection) }) },
  }),
  removeConnection: route({
    method: 'DELETE',
    path: '/v1/connections/:id',
    permission: 'connections:remove',
    summary: 'Removes a connection. `pending`: its provider is asked to revoke it until the provider confirms.',
    params: z.strictObject({ id: text(64) }),
    answers: { 200: z.object({ id: z.string(), upstream: z.enum(['revoked', 'pending', 'impossible']) }) },
    problems: { 404: 'There is no such connection.' },
  }),
  inviteToSharedConnection: route({
    method: 'POST',
    path: '/v1/shared-connections',
    permission: 'shared-connections:invite',
    summary: 'Makes a link with which one browser connects, once, the account that everybody shares.',
    body: z.strictObject({ credentialProvider: text(64) }),
    answers: {
      201: z.object({ credentialProvider: z.string(), server: z.string(), url: z.string(), expiresAt: Moment }),
    },
    problems: { 400: 'There is no CredentialProvider of this name whose type is oauth-shared.' },
  }),
  listUpstreamRevocations: route({
    method: 'GET',
    path: '/v1/upstream-revocations',
    permission: 'connections:read',
    summary:
      'Lists what providers have yet to confirm of connections removed here: the oldest 100, and how many in all.',
    answers: { 200: z.object({ outstanding: z.int(), revocations: z.array(UpstreamRevocation) }) },
  }),
  listCredentialProviders: route({
    method: 'GET',
    path: '/v1/credential-providers',
    permission: 'credential-providers:read',
    summary: 'Lists credential providers: how each answers refreshes, and how connecting goes there.',
    answers: { 200: z.object({ credentialProviders: z.array(CredentialProvider) }) },
  }),
  listClientRegistrations: route({
    method: 'GET',
    path: '/v1/client-registrations',
    permission: 'client-registrations:read',
    summary: 'Lists the authorization servers where this installation registered itself (RFC 7591), and as whom.',
    answers: { 200: z.object({ clientRegistrations: z.array(ClientRegistration) }) },
  }),
  removeClientRegistration: route({
    method: 'DELETE',
    path: '/v1/client-registrations',
    permission: 'client-registrations:remove',
    summary: 'Removes a registration: whoever connects there next registers this installation anew.',
    query: z.strictObject({ issuer: text(2_048) }),
    answers: { 200: z.object({ issuer: z.string(), clientId: z.string() }) },
    problems: { 404: 'There is no registration at this issuer.' },
  }),
};
