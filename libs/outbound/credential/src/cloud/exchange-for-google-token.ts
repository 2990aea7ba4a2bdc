import type { CloudOf } from '@sallyport/configuration';
import { z } from 'zod';
import type { OutboundFetch } from '@sallyport/oauth';
import { callCloud, malformed, refused, type CloudAnswer } from './call-cloud.js';

const Federated = z.object({
  access_token: z.string().min(1).max(16_384),
  token_type: z.string().regex(/^bearer$/i),
  expires_in: z.int().min(1).max(43_200).optional(),
});
const Impersonated = z.object({
  accessToken: z.string().min(1).max(16_384),
  expireTime: z.iso.datetime({ offset: true }),
});
/** RFC 6749 section 5.2 at the STS; Google's own form elsewhere. */
const Failure = z.union([z.object({ error: z.string() }), z.object({ error: z.object({ status: z.string() }) })]);

/** The audience our token must have, which is the provider's default one unless the provider lists others. */
export const googleAudience = ({ audience, workloadIdentityProvider }: CloudOf<'google'>): string =>
  audience ?? `https://iam.googleapis.com/${workloadIdentityProvider}`;

/**
 * Workload identity federation: our token becomes one of Google's (RFC 8693), and that, where a service account is
 * named, one of that account's (IAM Credentials `generateAccessToken`). @param now milliseconds since the epoch
 */
export async function exchangeForGoogleToken(
  {
    cloud,
    token,
    lifetimeSeconds,
    now,
  }: { cloud: CloudOf<'google'>; token: string; lifetimeSeconds: number; now: number },
  fetch: OutboundFetch,
): Promise<CloudAnswer> {
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    audience: `//iam.googleapis.com/${cloud.workloadIdentityProvider}`,
    // What this one is for is to ask for the service account's token, which alone leaves here, with the scopes of the
    // document.
    scope:
      cloud.serviceAccount === undefined ? cloud.scopes.join(' ') : 'https://www.googleapis.com/auth/cloud-platform',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    subject_token: token,
  });
  const reply = await callCloud(
    cloud.stsEndpoint,
    {
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: body.toString(),
    },
    fetch,
  );
  if (reply.type === 'away') return reply;
  if (reply.status !== 200) return refused('cloud_identity_refused', codeIn(reply.text, reply.status));
  const federated = Federated.safeParse(jsonIn(reply.text));
  if (!federated.success) return malformed();
  const { access_token: accessToken, expires_in: expiresIn } = federated.data;
  if (cloud.serviceAccount !== undefined)
    return await impersonate(cloud, cloud.serviceAccount, { accessToken, lifetimeSeconds, now }, fetch);
  return {
    obtained: {
      type: 'token',
      accessToken,
      expiresAt: expiresIn === undefined ? null : now + Math.min(expiresIn, lifetimeSeconds) * 1000,
    },
    reason: null,
  };
}

async function impersonate(
  { iamEndpoint, scopes }: CloudOf<'google'>,
  account: string,
  { accessToken, lifetimeSeconds, now }: { accessToken: string; lifetimeSeconds: number; now: number },
  fetch: OutboundFetch,
): Promise<CloudAnswer> {
  const serviceAccount = `projects/-/serviceAccounts/${encodeURIComponent(account)}`;
  const url = `${iamEndpoint.replace(/\/$/, '')}/v1/${serviceAccount}:generateAccessToken`;
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    authorization: `Bearer ${accessToken}`,
  };
  const reply = await callCloud(
    url,
    { headers, body: JSON.stringify({ scope: scopes, lifetime: `${lifetimeSeconds}s` }) },
    fetch,
  );
  if (reply.type === 'away') return reply;
  // It says the same whether the account is not there or not ours to use.
  if (reply.status === 403 || reply.status === 404)
    return refused('cloud_role_refused', codeIn(reply.text, reply.status));
  if (reply.status !== 200) return refused('cloud_request_refused', codeIn(reply.text, reply.status));
  const parsed = Impersonated.safeParse(jsonIn(reply.text));
  if (!parsed.success) return malformed();
  return {
    obtained: {
      type: 'token',
      accessToken: parsed.data.accessToken,
      expiresAt: Math.min(Date.parse(parsed.data.expireTime), now + lifetimeSeconds * 1000),
    },
    reason: null,
  };
}

function codeIn(text: string, status: number): string {
  const { data } = Failure.safeParse(jsonIn(text));
  return data === undefined ? `status_${status}` : typeof data.error === 'string' ? data.error : data.error.status;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: as good as nothing
  }
}
