import { durationSeconds } from '@sallyport/kernel';
import type { CredentialProviderOf } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import { assumeAwsRole, awsClaims } from '../cloud/assume-aws-role.js';
import type { CloudAnswer } from '../cloud/call-cloud.js';
import { exchangeForGoogleToken, googleAudience } from '../cloud/exchange-for-google-token.js';
import { pinsOf, type ConfiguredTarget } from '@sallyport/connection';
import type { OutboundFetch } from '@sallyport/oauth';
import { serverTitle } from '@sallyport/server';
import type { CredentialRequest } from '../credential-request.js';
import {
  NO_SIGNING_KEY,
  signDownstreamToken,
  type DownstreamSigningKey,
  type SigningKeys,
  type TokenSubject,
} from '../downstream-token.js';
import { ObtainedTokens, type Obtained } from '../obtained-tokens.js';
import type { ProviderLease, ProviderRefusal } from '../provider-lease.js';

export type CloudProvider = CredentialProviderOf<'cloud'>;

export interface CloudCredentialsContext {
  readonly fetch: OutboundFetch;
  readonly clock: Clock;
  /** Of the tokens we show the cloud: what it fetches our keys by. */
  readonly issuer: string;
  /** For the trail: once per attempt. `reason`: why there is nothing, in the cloud's word. */
  readonly onRequest: (
    request: TokenSubject & { readonly server: string; readonly provider: string; readonly reason: string | null },
  ) => Promise<void>;
}

export interface CloudLeaseContext {
  readonly signingKeys: SigningKeys;
  readonly cloudCredentials: Pick<CloudCredentials, 'lease'>;
}

/** `cloud`: temporary credentials of a cloud, obtained with a token of ours. */
export async function leaseCloudCredential(
  { caller, target, rejectedConnectionRevision }: CredentialRequest,
  spec: CloudProvider,
  { signingKeys, cloudCredentials }: CloudLeaseContext,
): Promise<ProviderLease | ProviderRefusal> {
  const signingKey = await signingKeys.newest();
  if (!signingKey) return NO_SIGNING_KEY;
  return cloudCredentials.lease({ caller, target, spec, signingKey, rejectedRevision: rejectedConnectionRevision });
}

export interface CloudRequest {
  readonly caller: TokenSubject & { /** Of the agent's token, seconds since the epoch. */ readonly expiresAt: number };
  readonly target: ConfiguredTarget;
  readonly spec: CloudProvider;
  readonly signingKey: DownstreamSigningKey;
  readonly rejectedRevision?: number | undefined;
}

/** Of the token shown to the cloud, which is used once. */
const TOKEN_LIFETIME_SECONDS = 300;

/**
 * Temporary credentials of a role or service account, obtained for one user through one agent with a token of ours (S6:
 * its audience is the cloud's, never ours). They stay in memory, and serve only this user, agent, server address and
 * provider document (S20, R34).
 */
export class CloudCredentials {
  readonly #context: CloudCredentialsContext;
  readonly #tokens: ObtainedTokens;

  constructor(context: CloudCredentialsContext) {
    this.#context = context;
    this.#tokens = new ObtainedTokens(context.clock);
  }

  async lease(request: CloudRequest): Promise<ProviderLease | ProviderRefusal> {
    const { caller, target, spec, rejectedRevision } = request;
    if (spec.origin !== new URL(target.server.spec.url).origin) return { type: 'refused', reason: 'token_origin' };
    const configured = JSON.stringify([target.provider.name, target.server.name, pinsOf(target)]);
    return await this.#tokens.lease(
      { configured, holder: JSON.stringify([caller.userId, caller.clientId]) },
      { rejectedRevision, notAfter: caller.expiresAt },
      () => this.#obtain(request),
    );
  }

  async #obtain(request: CloudRequest): Promise<Obtained> {
    const {
      caller: { userId, clientId },
      target: { server, provider },
    } = request;
    const { obtained, reason } = await this.#ask(request);
    await this.#context.onRequest({ userId, clientId, server: server.name, provider: provider.name, reason });
    return obtained.type === 'refused'
      ? { ...obtained, message: wordsFor(obtained.reason, serverTitle(server)) }
      : obtained;
  }

  async #ask({ caller, spec: { cloud }, signingKey }: CloudRequest): Promise<CloudAnswer> {
    const { fetch, clock, issuer } = this.#context;
    const [audience, claims] =
      cloud.provider === 'aws' ? [cloud.audience, awsClaims(cloud, caller)] : [googleAudience(cloud), {}];
    const token = await signDownstreamToken(
      { caller, audience, lifetimeSeconds: TOKEN_LIFETIME_SECONDS, claims, signingKey },
      { issuer, clock },
    );
    const shared = { token, lifetimeSeconds: durationSeconds(cloud.lifetime) ?? 0, now: clock() };
    return await (cloud.provider === 'aws'
      ? assumeAwsRole({ cloud, caller, ...shared }, fetch)
      : exchangeForGoogleToken({ cloud, ...shared }, fetch));
  }
}

const wordsFor = (reason: string, title: string): string =>
  reason === 'cloud_role_refused'
    ? `The cloud behind ${title} does not let you in. An administrator can allow it there.`
    : `The cloud behind ${title} does not take what this gateway shows it. An administrator has to see to it.`;
