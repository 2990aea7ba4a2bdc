import type { IncomingMessage, ServerResponse } from 'node:http';
import { errors, type Provider } from 'oidc-provider';
import type { AuthorizationEngine, EngineDecisions, PendingAuthorization, SignedIn } from './engine.js';
import { toRegistration } from './internals.js';

/** Travels in the result of the interaction in which the human signed in; the engine leaves it alone. */
const SIGNED_IN_AT = 'signed_in_at';
/** The same, and then says which sign-in a browser session belongs to. */
export const IDENTITY_SESSION = 'identity_session';
type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

/** The engine's interactions in our words. The engine's own cookie, bound to the path of one interaction, says which. */
export function interactionSteps(
  provider: Provider,
  {
    resource,
    ttlSeconds,
    decisions,
  }: { resource: string; ttlSeconds: number; decisions: Pick<EngineDecisions, 'signInOfBrowser'> },
): Pick<AuthorizationEngine, 'pending' | 'signedIn' | 'grant' | 'refuse' | 'browserSession'> {
  const current = async (request: IncomingMessage, response: ServerResponse): Promise<Interaction> =>
    provider.interactionDetails(request, response);
  const remainingSeconds = (interaction: Interaction) =>
    Math.max(1, Math.min(ttlSeconds, interaction.exp - Math.floor(Date.now() / 1000)));

  return {
    async pending(request, response) {
      let interaction: Interaction;
      try {
        interaction = await current(request, response);
      } catch (error) {
        if (error instanceof errors.SessionNotFound) return undefined;
        throw error;
      }
      const { params, uid } = interaction;
      const client = await provider.Client.find(String(params['client_id'])).catch((error: unknown) => {
        if (error instanceof errors.OIDCProviderError) return undefined; // its document cannot be had any more
        throw error;
      });
      // The engine checked the redirect URI when the request came in; a metadata document may have changed since.
      if (!client?.redirectUriAllowed(String(params['redirect_uri']))) return undefined;
      return {
        uid,
        step: interaction.prompt.name === 'login' ? 'sign-in' : 'consent',
        agent: toRegistration(client),
        redirectUri: String(params['redirect_uri']),
        requestedScopes: typeof params['scope'] === 'string' ? params['scope'].split(' ').filter(Boolean) : [],
        authentication: await authenticationOf(provider, interaction, decisions),
        freshlySignedIn: interaction.lastSubmission?.login !== undefined,
        isKeyBound: typeof params['dpop_jkt'] === 'string' || client.dpopBoundAccessTokens === true,
        consentRequested: typeof params['prompt'] === 'string' && params['prompt'].split(' ').includes('consent'),
        loginHint: loginHintOf(params['login_hint']),
      } satisfies PendingAuthorization;
    },

    async signedIn(request, response, { userId, authTime, signedInAt, identitySessionId, acr, amr }) {
      const interaction = await current(request, response);
      const previous = interaction.session;
      if (previous && previous.accountId !== userId) {
        // Another human in the same browser: their predecessor's session ends here instead of at the engine's logout page.
        const session = await provider.Session.findByUid(previous.uid);
        await session?.destroy();
        delete interaction.session;
        await interaction.save(remainingSeconds(interaction));
      }
      return provider.interactionResult(request, response, {
        login: {
          accountId: userId,
          ts: authTime,
          [SIGNED_IN_AT]: signedInAt,
          [IDENTITY_SESSION]: identitySessionId,
          amr: [...amr],
          ...(acr === undefined ? {} : { acr }),
        },
      });
    },

    async grant(request, response, { userId, clientId, scopes, onGrant }) {
      const interaction = await current(request, response);
      if (interaction.result?.consent?.grantId) return interaction.returnTo; // the form was sent twice
      const grant = new provider.Grant({ accountId: userId, clientId });
      const asked = typeof interaction.params['scope'] === 'string' ? interaction.params['scope'].split(' ') : [];
      // The engine issues no code for nothing at all; `openid` opens nothing at the gateway.
      const protocolScopes = asked.includes('openid') || scopes.length === 0 ? ['openid'] : [];
      if (protocolScopes.length > 0) grant.addOIDCScope(protocolScopes);
      if (scopes.length > 0) grant.addResourceScope(resource, [...scopes]);
      const withheld = asked.filter(
        (scope) => scope !== 'openid' && scope !== 'offline_access' && !scopes.includes(scope),
      );
      if (withheld.length > 0) grant.rejectResourceScope(resource, withheld);
      const grantId = await grant.save();
      await onGrant(grantId);
      // From here on the request is for what was granted, also when it named no scope at all.
      interaction.params['scope'] = [...protocolScopes, ...scopes].join(' ');
      await interaction.save(remainingSeconds(interaction));
      return provider.interactionResult(request, response, { consent: { grantId } });
    },

    async browserSession(request, response) {
      const session = await provider.Session.get(provider.createContext(request, response));
      return session.accountId === undefined ? undefined : { uid: session.uid, userId: session.accountId };
    },

    refuse: (request, response, description) =>
      provider.interactionResult(
        request,
        response,
        { error: 'access_denied', error_description: description },
        { mergeWithLastSubmission: false },
      ),
  };
}

/** Nothing but what could name somebody. */
function loginHintOf(hint: unknown): string | undefined {
  return typeof hint === 'string' && /^[\p{L}\p{N}@.+_-]{1,254}$/u.test(hint) ? hint : undefined;
}

async function authenticationOf(
  provider: Provider,
  { session, lastSubmission }: Interaction,
  decisions: Pick<EngineDecisions, 'signInOfBrowser'>,
): Promise<SignedIn | undefined> {
  if (!session) return undefined;
  const login = lastSubmission?.login;
  const authTime =
    login?.accountId === session.accountId ? login.ts : (await provider.Session.findByUid(session.uid))?.loginTs;
  const identitySessionId = await decisions.signInOfBrowser(session.uid);
  if (authTime === undefined || identitySessionId === undefined) return undefined;
  const signedInAt: unknown = login?.accountId === session.accountId ? Reflect.get(login, SIGNED_IN_AT) : undefined;
  return {
    userId: session.accountId,
    authTime,
    identitySessionId,
    signedInAt: typeof signedInAt === 'number' ? signedInAt : authTime,
    acr: session.acr,
    amr: session.amr ?? [],
  };
}
