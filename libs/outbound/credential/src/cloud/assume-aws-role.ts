import { createHash } from 'node:crypto';
import type { CloudOf } from '@sallyport/configuration';
import { z } from 'zod';
import type { OutboundFetch } from '@sallyport/oauth';
import type { TokenSubject } from '../downstream-token.js';
import { callCloud, malformed, refused, unavailable, type CloudAnswer } from './call-cloud.js';

const Credentials = z.object({
  AccessKeyId: z.string().regex(/^\w{16,128}$/),
  SecretAccessKey: z.string().regex(/^[A-Za-z0-9/+=]{16,512}$/),
  SessionToken: z.string().regex(/^[A-Za-z0-9/+=]{8,16384}$/),
  Expiration: z.iso.datetime({ offset: true }),
});

/** STS `AssumeRoleWithWebIdentity` (Query protocol, version 2011-06-15). @param now milliseconds since the epoch */
export async function assumeAwsRole(
  {
    cloud,
    caller,
    token,
    lifetimeSeconds,
    now,
  }: { cloud: CloudOf<'aws'>; caller: TokenSubject; token: string; lifetimeSeconds: number; now: number },
  fetch: OutboundFetch,
): Promise<CloudAnswer> {
  const body = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: cloud.roleArn,
    RoleSessionName: sessionName(caller.userId),
    WebIdentityToken: token,
    DurationSeconds: String(lifetimeSeconds),
    ...Object.fromEntries(
      (cloud.policyArns ?? []).map((arn, position) => [`PolicyArns.member.${position + 1}.arn`, arn]),
    ),
  });
  const reply = await callCloud(
    cloud.stsEndpoint ?? endpointOf(cloud.region),
    { headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/xml' }, body: body.toString() },
    fetch,
  );
  if (reply.type === 'away') return reply;
  if (reply.status !== 200) return meaningOf(elementIn(reply.text, 'Code') ?? '', reply.status);
  const parsed = Credentials.safeParse(
    Object.fromEntries(Object.keys(Credentials.shape).map((name) => [name, elementIn(reply.text, name)])),
  );
  if (!parsed.success) return malformed();
  const {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration,
  } = parsed.data;
  const { region, service } = cloud;
  const expiresAt = Math.min(Date.parse(Expiration), now + lifetimeSeconds * 1000);
  return {
    obtained: {
      type: 'signing',
      signing: { method: 'aws-sigv4', accessKeyId, secretAccessKey, sessionToken, region, service },
      expiresAt,
    },
    reason: null,
  };
}

/** What our token tells AWS besides who it is about: session tags and a source identity, as claims of its own. */
export function awsClaims(
  { attribution }: Pick<CloudOf<'aws'>, 'attribution'>,
  { userId, clientId }: TokenSubject,
): Record<string, unknown> {
  const tags = { SallyportUser: [tagValue(userId)], SallyportAgent: [tagValue(clientId)] };
  return {
    ...(attribution.includes('session-tags')
      ? { 'https://aws.amazon.com/tags': { principal_tags: tags, transitive_tag_keys: Object.keys(tags) } }
      : {}),
    ...(attribution.includes('source-identity')
      ? { 'https://aws.amazon.com/source_identity': sessionName(userId) }
      : {}),
  };
}

function meaningOf(code: string, status: number): CloudAnswer {
  switch (code) {
    case 'AccessDenied':
      return refused('cloud_role_refused', code);
    case 'InvalidIdentityToken':
    case 'IDPRejectedClaim':
    case 'ExpiredTokenException':
    case 'ExpiredToken':
      return refused('cloud_identity_refused', code);
    // AWS could not fetch our keys, or asks for less.
    case 'IDPCommunicationError':
    case 'IDPCommunicationErrorException':
    case 'Throttling':
    case 'ThrottlingException':
    case 'RequestLimitExceeded':
    case 'ServiceUnavailable':
    case 'InternalFailure':
      return unavailable(code);
    default:
      return refused('cloud_request_refused', code === '' ? `status_${status}` : code);
  }
}

/** The regional endpoint; the partition of China has a domain of its own, and others are named by `stsEndpoint`. */
const endpointOf = (region: string): string =>
  `https://sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}/`;

/** None of the elements we read has children, attributes or anything that XML would escape. */
const elementIn = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}>\\s*([^<>]*?)\\s*</${name}>`).exec(xml)?.[1];

const sessionName = (text: string): string => fitted(text, /[^A-Za-z0-9_+=,.@-]/g, 64);
const tagValue = (text: string): string => fitted(text, /[^A-Za-z0-9 _.:/=+@-]/g, 256);

/** As it is where AWS takes it; else with a digest, so that two never become one. */
function fitted(text: string, forbidden: RegExp, most: number): string {
  const allowed = text.replace(forbidden, '-');
  if (allowed === text && text.length <= most && text.length >= 2) return text;
  return `${allowed.slice(0, most - 17)}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}
