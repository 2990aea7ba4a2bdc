import { z } from 'zod';
import { Duration, HttpUrl, Scope } from './fields.js';

/** AWS issues none that end sooner than 15 minutes, and we use none for longer than an hour (R47). */
const lifetime = Duration.refine((text) => {
  const seconds = Number.parseInt(text, 10) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[text.slice(-1)] ?? 1);
  return seconds >= 900 && seconds <= 3_600;
}, 'must be between 15m and 1h')
  .default('15m')
  .describe('How long the credentials live, between 15m and 1h.');
const Audience = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[\x21-\x7E]+$/, 'must be printable characters without spaces');

const Aws = z
  .strictObject({
    provider: z.literal('aws').describe('The cloud.'),
    roleArn: z
      .string()
      .max(2_048)
      .regex(
        /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/,
        'must be the ARN of a role: arn:aws:iam::<account>:role/<name>',
      )
      .describe('The ARN of the role that users assume.'),
    region: z
      .string()
      .max(64)
      .regex(/^[a-z]{2,}(-[a-z]+)+-\d+$/, 'must be a region: eu-central-1')
      .describe('The server’s region, and the STS endpoint’s unless `stsEndpoint` says otherwise.'),
    service: z
      .string()
      .max(64)
      .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be the signing name of a service')
      .describe('The service that requests are signed for: `execute-api`, `lambda`, `bedrock-agentcore`, …'),
    stsEndpoint: HttpUrl.optional().describe('The STS endpoint; by default the region’s.'),
    audience: Audience.default('sts.amazonaws.com').describe(
      'The audience of our token: what the identity provider in IAM lists as its audience.',
    ),
    lifetime,
    policyArns: z
      .array(
        z
          .string()
          .max(2_048)
          .regex(/^arn:aws[a-z-]*:iam::(aws|\d{12}):policy\/[\w+=,.@/-]+$/, 'must be the ARN of a managed policy'),
      )
      .max(10)
      .optional()
      .describe('Managed policies that restrict the session further.'),
    attribution: z
      .array(z.enum(['session-tags', 'source-identity']))
      .max(2)
      .default(['session-tags'])
      .describe(
        'How AWS learns the user and the agent, besides from the session’s name. Each way needs a permission in the ' +
          'role’s trust policy: `sts:TagSession`, `sts:SetSourceIdentity`.',
      ),
  })
  .describe('AWS: STS AssumeRoleWithWebIdentity, and requests signed with Signature Version 4.');

const Google = z
  .strictObject({
    provider: z.literal('google').describe('The cloud.'),
    workloadIdentityProvider: z
      .string()
      .max(255)
      .regex(
        /^projects\/\d+\/locations\/global\/workloadIdentityPools\/[a-z0-9-]+\/providers\/[a-z0-9-]+$/,
        'must be projects/<number>/locations/global/workloadIdentityPools/<pool>/providers/<provider>',
      )
      .describe('The resource name of the provider in the workload identity pool that trusts us.'),
    audience: Audience.optional().describe(
      'The audience of our token; `https://iam.googleapis.com/<workloadIdentityProvider>` by default.',
    ),
    serviceAccount: z
      .string()
      .max(255)
      .regex(/^[a-z0-9-]+@[a-z0-9.-]+$/, 'must be the e-mail address of a service account')
      .optional()
      .describe('The service account to impersonate. Without one, the federated identity itself is used.'),
    scopes: z.array(Scope).min(1).max(64).describe('The scopes of the access token.'),
    stsEndpoint: HttpUrl.default('https://sts.googleapis.com/v1/token').describe('Where our token is exchanged.'),
    iamEndpoint: HttpUrl.default('https://iamcredentials.googleapis.com').describe(
      'The API that impersonates service accounts.',
    ),
    lifetime,
  })
  .describe(
    'Google Cloud: workload identity federation (STS token exchange), then a token of the service account, if any.',
  );

export const Cloud = z.discriminatedUnion('provider', [Aws, Google]);
export type Cloud = z.infer<typeof Cloud>;
export type CloudOf<P extends Cloud['provider']> = Extract<Cloud, { provider: P }>;
