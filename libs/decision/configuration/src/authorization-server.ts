import { z } from 'zod';
import { Duration } from './fields.js';

const Lifetimes = z.strictObject({
  // R47
  accessToken: Duration.default('15m').describe('The lifetime of an access token for the gateway; at most 1h.'),
  machineToken: Duration.default('10m').describe('The lifetime of a machine agent’s access token; at most 1h.'),
  // R86
  sessionIdle: Duration.default('14d').describe('An agent session ends when its agent did not use it for this time.'),
  session: Duration.default('90d').describe(
    'An agent session ends after this time, however much it is used. The user then signs in again.',
  ),
  refreshRepeat: Duration.optional().describe(
    'How long an agent may repeat a refresh if it did not use the tokens of the answer; 1m to 1h, 15m by default.',
  ),
});
const SigningKeys = z.strictObject({
  algorithm: z
    .enum(['ES256', 'RS256', 'EdDSA'])
    .default('ES256')
    .describe('The algorithm of access, ID and downstream tokens. A change makes new keys.'),
  rotateEvery: Duration.default('90d').describe('How long a key signs.'),
  publishAhead: Duration.default('10m').describe(
    'How long a key is published before it signs, so that whoever verifies has fetched it.',
  ),
});

const PerMinute = z.int().min(1).max(10_000_000);
const total = PerMinute.optional().describe('All together that prove neither an agent nor a grant.');
const address = PerMinute.optional().describe(
  'Those of one IPv4 address or IPv6 /64 that prove neither an agent nor a grant.',
);
const EndpointLimits = z.strictObject({
  total,
  client: PerMinute.optional().describe('Those of one agent that authenticates.'),
  address,
});
const Limits = z.strictObject({
  authorize: EndpointLimits.optional().describe(
    '`/authorize` and `/par`; by default 6000 in total, 600 from one address, 3000 from one agent.',
  ),
  token: EndpointLimits.optional().describe(
    '`/token`; by default 12000 in total, 600 from one address, 6000 from one agent.',
  ),
  register: z
    .strictObject({ total, address })
    .optional()
    .describe('`/register` where it is open; by default 1200 in total, 120 from one address.'),
  status: EndpointLimits.optional().describe(
    '`/revoke` and `/introspect`; by default 12000 in total, 600 from one address, 6000 from one agent.',
  ),
  user: PerMinute.optional().describe('Authorizations and tokens of one user, through any agents; 600 by default.'),
  session: PerMinute.optional().describe('Tokens of one agent session; 120 by default.'),
  documents: z
    .strictObject({
      total: PerMinute.optional().describe('All together; 600 by default.'),
      host: PerMinute.optional().describe('Those from one host; 60 by default.'),
      address: PerMinute.optional().describe('Those fetched for one address; 30 by default.'),
    })
    .optional()
    .describe(
      'Client metadata documents and key sets that we fetch from hosts that agents name. Agents with a session have ' +
        'another 600, which nobody else can use up.',
    ),
});

export const AuthorizationServerSpec = z.strictObject({
  lifetimes: Lifetimes.prefault({}).describe('How long tokens and sessions live.'),
  signingKeys: SigningKeys.prefault({}).describe('The keys that sign our tokens.'),
  limits: Limits.optional().describe(
    'Requests per minute at one replica. Requests of others never use up what an authenticated agent or a grant has.',
  ),
  offerAccounts: z
    .boolean()
    .optional()
    .describe(
      'Whether a user who has just consented to an agent sees the page of all servers, to connect accounts, before ' +
        'the agent goes on. Without it, a user connects an account when an agent first needs it.',
    ),
});
