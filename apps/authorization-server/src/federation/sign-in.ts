import { mapClaims, type SignInRefusal } from '@sallyport/authorization';
import { isErrorOf, SallyportError, type Clock, type CodeOf } from '@sallyport/kernel';
import type { IdentitySessions } from '../storage/identity-sessions.js';
import type { ArtifactStore } from '../storage/artifact-store.js';
import type { User, Users } from '../storage/users.js';
import type { SignedIn } from '../engine/engine.js';
import { beginIdentitySession } from './begin-identity-session.js';
import { newSignInRequest } from './provider/authorization-url.js';
import type { TrustProvider } from './provider/trust-provider.js';
import type { TrustProviders } from './trust-providers.js';

const FLOW = 'FederationFlow';
const RESULT = 'FederationResult';
const FLOW_SECONDS = 600;

export type SignInResult =
  | { readonly type: 'signed-in'; readonly interaction: string; readonly user: User }
  | { readonly type: 'not-ours' }
  | { readonly type: 'refused'; readonly interaction: string; readonly reason: SignInRefusal }
  /** The provider did not confirm it, or cannot be used now. */
  | {
      readonly type: 'failed';
      readonly interaction: string;
      readonly error: SallyportError<CodeOf<'trust_provider_'>>;
    };

/**
 * A sign-in at an identity provider, from our redirect to the provider's response. Its state is stored for ten minutes,
 * for one use.
 */
export class SignIn {
  readonly #store: ArtifactStore;
  readonly #providers: TrustProviders;
  readonly #users: Users;
  readonly #identities: IdentitySessions;
  readonly #clock: Clock;

  constructor(parts: {
    store: ArtifactStore;
    providers: TrustProviders;
    users: Users;
    identities: IdentitySessions;
    clock: Clock;
  }) {
    this.#store = parts.store;
    this.#providers = parts.providers;
    this.#users = parts.users;
    this.#identities = parts.identities;
    this.#clock = parts.clock;
  }

  async start(
    provider: TrustProvider,
    {
      interaction,
      browser,
      forceFreshSignIn,
      loginHint,
    }: { interaction: string; browser: string; forceFreshSignIn: boolean; loginHint: string | undefined },
  ): Promise<URL> {
    const request = newSignInRequest();
    const url = await this.#providers.authorizationUrl(provider, request, { forceFreshSignIn, loginHint });
    const freshSince = forceFreshSignIn ? { freshSince: Math.floor(this.#clock() / 1000) } : {};
    await this.#store.put(
      FLOW,
      request.state,
      { ...request, ...freshSince, interaction, browser, provider: provider.name, issuer: provider.spec.issuer },
      { expiresInSeconds: FLOW_SECONDS },
    );
    return url;
  }

  /**
   * @param ids of the browser that came back; a response in another browser is refused, and ends the sign-in
   */
  async finish(provider: TrustProvider, callback: URL, ids: readonly string[]): Promise<SignInResult> {
    const state = callback.searchParams.get('state');
    const flow = state === null ? undefined : await this.#store.take(FLOW, state);
    const browser = ids.find((id) => id === flow?.['browser']);
    if (!flow || browser === undefined || flow['provider'] !== provider.name || flow['issuer'] !== provider.spec.issuer)
      return { type: 'not-ours' };
    const interaction = String(flow['interaction']);
    const request = {
      state: String(flow['state']),
      nonce: String(flow['nonce']),
      codeVerifier: String(flow['codeVerifier']),
    };
    const answer = await this.#providers.redeem(provider, request, callback).catch((error: unknown) => {
      if (isErrorOf(error, 'trust_provider_')) return error;
      throw error;
    });
    if (answer instanceof SallyportError) return { type: 'failed', interaction, error: answer };
    const { claims, tokens } = answer;
    const now = this.#clock();
    const { freshSince } = flow;
    const mapped = mapClaims(provider, claims, {
      now: Math.floor(now / 1000),
      ...(typeof freshSince === 'number' ? { freshSince } : {}),
    });
    if (!mapped.accepted) return { type: 'refused', interaction, reason: mapped.reason };
    const user = await this.#users.signedIn(mapped.identity, new Date(now));
    const { id: identitySessionId } = await beginIdentitySession(this.#identities, provider, user, { claims, tokens });
    const signedInAt = Math.floor(now / 1000);
    const result: SignedIn = {
      userId: user.id,
      authTime: Math.min(mapped.authTime ?? Infinity, signedInAt),
      signedInAt,
      identitySessionId,
      acr: mapped.acr,
      amr: mapped.amr,
    };
    await this.#store.destroy(RESULT, `${interaction} ${browser}`); // of an earlier attempt, which was collected
    await this.#store.put(RESULT, `${interaction} ${browser}`, { ...result }, { expiresInSeconds: FLOW_SECONDS });
    return { type: 'signed-in', interaction, user };
  }

  /** The finished sign-in of this interaction in this browser, once. */
  async collect(interaction: string, ids: readonly string[]): Promise<SignedIn | undefined> {
    for (const id of ids) {
      const result = await this.#store.take(RESULT, `${interaction} ${id}`);
      if (result) return readSignedIn(result);
    }
    return undefined;
  }
}

function readSignedIn(result: Readonly<Record<string, unknown>>): SignedIn {
  const { userId, authTime, signedInAt, identitySessionId, acr, amr } = result;
  return {
    userId: String(userId),
    authTime: Number(authTime),
    signedInAt: Number(signedInAt),
    identitySessionId: String(identitySessionId),
    acr: typeof acr === 'string' ? acr : undefined,
    amr: Array.isArray(amr) ? amr.map(String) : [],
  };
}
