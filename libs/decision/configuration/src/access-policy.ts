import { z } from 'zod';
import { Duration, Name, Scope, ServerId } from './fields.js';

const Glob = z.string().min(1).max(256);
const Users = z
  .strictObject({
    trustProvider: Name.optional().describe('The identity provider that users signed in at.'),
    groups: z
      .array(z.string().min(1))
      .optional()
      .describe('Groups at the identity provider; one of them, or of `subjects`, is enough.'),
    subjects: z
      .array(z.string().min(1))
      .optional()
      .describe('Single users, by their subject there; one of them, or of `groups`, is enough.'),
    roles: z.array(Name).optional().describe('`Role` documents, of which the user must have one besides.'),
  })
  .refine(
    (users) => !(users.groups || users.subjects) || users.trustProvider !== undefined,
    '`groups` and `subjects` need `trustProvider`: the identity provider that asserts them',
  );
const Agents = z.strictObject({
  clientIds: z
    .array(z.string().min(1).max(2048))
    .optional()
    .describe('Agents, by their client id; one of them, or of `hosts`, is enough.'),
  // security rule S2
  hosts: z
    .array(z.string().min(1))
    .optional()
    .describe(
      'Hosts of client ID metadata documents, such as `claude.ai` or `*.acme.example`. A dynamically registered ' +
        'agent has none.',
    ),
  assurance: z
    .enum(['asserted', 'verified-redirect', 'key-authenticated'])
    .optional()
    .describe('The least assurance of who the agent is: asserted < verified-redirect < key-authenticated.'),
  dpopBoundTokens: z
    .boolean()
    .optional()
    .describe('Whether the agent’s token must be bound to a key of the agent (RFC 9449).'),
  // R5
  machines: z
    .enum(['never', 'also', 'only'])
    .optional()
    .describe('Whether machine agents match; `never` by default. They reach no server with a user’s credential.'),
});
const Conditions = z.strictObject({
  mfa: z.boolean().optional().describe('Whether the user must have signed in with more than one factor.'),
  maxAuthAge: Duration.optional().describe('The longest time since the user signed in.'),
  sourceCidrs: z.array(z.string()).min(1).optional().describe('The addresses that requests come from, as CIDR ranges.'),
  hours: z.string().optional().describe('Days, hours and a time zone: `Mon-Fri 07:00-20:00 Europe/Berlin`.'),
});
/** How much of what a call is asked with and answered the trail has, the least first. */
export const RecordLevel = z.enum(['none', 'shape', 'redacted', 'full']);
export type RecordLevel = z.infer<typeof RecordLevel>;

const common = {
  users: Users.optional().describe('Which users it is for; all by default.'),
  agents: Agents.optional().describe('Which agents it is for; by default all but machine agents.'),
  conditions: Conditions.optional().describe('What else must hold when a request is made.'),
  when: z
    .string()
    .max(4096)
    .optional()
    .describe('A CEL expression that must be true; docs/conditions.md lists what it can read.'),
  record: RecordLevel.optional().describe(
    'How much of arguments and results the trail has of what the policy allows; of the two ways the stricter counts, ' +
      'and nothing where neither says it.',
  ),
};

const OfferRule = z.strictObject({
  match: z.array(Glob).min(1).describe('Patterns of names or URIs as the server has them, of which one is enough.'),
  scope: Scope.optional().describe(
    'The scope that the agent’s token must have; the user is asked to add a missing one.',
  ),
  roles: z.array(Name).optional().describe('`Role` documents, of which the user must have one.'),
});
const ToolRule = OfferRule.extend({
  unapproved: z
    .literal('allowed')
    .optional()
    .describe('Whether the rule also allows tools without an approval, at a server with an `ApprovedTools` document.'),
});
const hop = <H extends string>(name: H) => z.literal(name).describe('Which of the two ways it is for.');

export const AccessPolicySpec = z.discriminatedUnion('hop', [
  z
    .strictObject({
      hop: hop('client-to-gateway'),
      trustProviders: z
        .array(Name)
        .min(1)
        .optional()
        .describe('The identity providers whose users may come; any by default.'),
      ...common,
    })
    .describe('Who may reach the gateway at all, with which agents.'),
  z
    .strictObject({
      hop: hop('gateway-to-server'),
      server: ServerId.describe('The `McpServer` it opens.'),
      ...common,
      // The control plane refuses a policy without one (R27).
      credentialProvider: Name.describe('The `CredentialProvider` whose credential the server gets.'),
      tools: z.array(ToolRule).default([]).describe('The tools it allows; none by default.'),
      resources: z.array(OfferRule).default([]).describe('The resources it allows; none by default.'),
      prompts: z.array(OfferRule).default([]).describe('The prompts it allows; none by default.'),
    })
    .describe('What may be used at one server, and with which credential.'),
]);
export type AccessPolicySpec = z.infer<typeof AccessPolicySpec>;
