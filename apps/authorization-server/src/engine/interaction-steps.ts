import type { IncomingMessage, ServerResponse } from 'node:http';
import { DEVICE_ANSWER } from '@sallyport/authorization/own-clients';
import { SallyportError } from '@sallyport/kernel';
import { errors, type Client, type Provider } from 'oidc-provider';
import type { AuthorizationEngine, EngineDecisions, PendingAuthorization, SignedIn } from './engine.js';
import type { GivenAnswers } from './given-answers.js';
import { onBehalfOf, toRegistration } from './internals.js';
import { TooManyRequests } from './limit-requests.js';
import { defaultResourceOf, type Resources } from './resources.js';
import { DocumentUnread } from './unread-documents.js';

/** Travels in the result of the interaction in which the user signed in; the engine leaves it alone. */
const SIGNED_IN_AT = 'signed_in_at';
/** Travels with it, and says which sign-in a browser session belongs to. */
export const IDENTITY_SESSION = 'identity_session';

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;
type Steps = Pick<AuthorizationEngine, 'pending' | 'signedIn' | 'grant' | 'refuse' | 'answered' | 'browserSession'>;

interface Parts {
  readonly resources: Resources;
  /** How long an interaction may take. */
  readonly ttlSeconds: number;
  readonly decisions: Pick<EngineDecisions, 'signInOfBrowser'>;
  readonly given: GivenAnswers;
}

/** The engine's interactions in our words. The engine's cookie, bound to the path of one interaction, says which. */
export function interactionSteps(provider: Provider, { resources, ttlSeconds, decisions, given }: Parts): Steps {
  const current = async (request: IncomingMessage, response: ServerResponse): Promise<Interaction> =>
    provider.interactionDetails(request, response).catch(asGone);
  const result = async (...args: Parameters<Provider['interactionResult']>): Promise<string> =>
    provider.interactionResult(...args).catch(asGone);
  const save = async (interaction: Interaction): Promise<void> => {
    const remaining = Math.min(ttlSeconds, interaction.exp - Math.floor(Date.now() / 1000));
    await interaction.save(Math.max(1, remaining));
  };

  return {
    async pending(request, response, sourceIp) {
      const interaction = await interactionOf(provider, request, response);
      const client = interaction && (await clientOf(provider, interaction, sourceIp));
      return client && describe(interaction, client, await authenticationOf(provider, interaction, decisions));
    },

    async signedIn(request, response, signIn) {
      const interaction = await current(request, response);
      if (await endOtherUser(provider, interaction, signIn.userId)) await save(interaction);
      return result(request, response, { login: loginOf(signIn) });
    },

    async grant(request, response, { userId, clientId, scopes, onGrant }) {
      const interaction = await current(request, response);
      const decide = async (): Promise<string> => {
        const grant = new provider.Grant({ accountId: userId, clientId });
        const resource = defaultResourceOf({ clientId }, resources) ?? resources.gateway;
        const granted = addScopes(grant, { resource, asked: scopesOf(interaction), scopes });
        const grantId = await grant.save();
        await onGrant(grantId);
        // From here on the request is for what was granted, also when it named no scope at all.
        interaction.params['scope'] = granted.join(' ');
        await save(interaction);
        return result(request, response, { consent: { grantId } });
      };
      return given.decideOnce(interaction.uid, decide, () => interaction.returnTo);
    },

    async refuse(request, response, { description, onRefusal }) {
      const { uid, returnTo } = await current(request, response);
      const decide = async (): Promise<string> => {
        const denied = { error: 'access_denied', error_description: description };
        const to = await result(request, response, denied, { mergeWithLastSubmission: false });
        onRefusal();
        return to;
      };
      return given.decideOnce(uid, decide, () => returnTo);
    },

    async browserSession(request, response) {
      const session = await provider.Session.get(provider.createContext(request, response));
      return session.accountId === undefined ? undefined : { uid: session.uid, userId: session.accountId };
    },

    answered: (uid) => given.find(uid),
  };
}

/** Somebody else answered the request, or it expired, between two steps of this one. */
function asGone(error: unknown): never {
  throw error instanceof errors.SessionNotFound
    ? new SallyportError('interaction_gone', 'This request has expired.', { cause: error })
    : error;
}

async function interactionOf(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Interaction | undefined> {
  try {
    return await provider.interactionDetails(request, response);
  } catch (error) {
    if (error instanceof errors.SessionNotFound) return undefined;
    throw error;
  }
}

/** The client that made the request, as long as its redirect URI is one of its own. */
async function clientOf(provider: Provider, interaction: Interaction, sourceIp: string): Promise<Client | undefined> {
  const { params } = interaction;
  const find = () => provider.Client.find(String(params['client_id']));
  const client = await onBehalfOf(sourceIp, find).catch((error: unknown) => {
    if (error instanceof TooManyRequests || error instanceof DocumentUnread)
      throw new SallyportError('agent_not_now', 'What this agent publishes about itself cannot be read just now.', {
        cause: error,
      });
    if (error instanceof errors.OIDCProviderError) return undefined; // its document cannot be had any more
    throw error;
  });
  // The engine checked the redirect URI when the request came in; a metadata document may have changed since.
  return isOfDevice(interaction) || client?.redirectUriAllowed(String(params['redirect_uri'])) ? client : undefined;
}

/** Begun at a device (RFC 8628): nothing is redirected in the end. */
const isOfDevice = (interaction: Interaction): boolean => interaction.deviceCode !== undefined;

function describe(
  interaction: Interaction,
  client: Client,
  authentication: SignedIn | undefined,
): PendingAuthorization {
  const { uid, params, prompt, lastSubmission } = interaction;
  return {
    uid,
    step: prompt.name === 'login' ? 'sign-in' : 'consent',
    agent: toRegistration(client),
    redirectUri: isOfDevice(interaction) ? DEVICE_ANSWER : String(params['redirect_uri']),
    requestedScopes: scopesOf({ params }).filter(Boolean),
    authentication,
    freshlySignedIn: lastSubmission?.login !== undefined,
    isKeyBound: typeof params['dpop_jkt'] === 'string' || client.dpopBoundAccessTokens === true,
    consentRequested: typeof params['prompt'] === 'string' && params['prompt'].split(' ').includes('consent'),
    loginHint: loginHintOf(params['login_hint']),
  };
}

const scopesOf = ({ params }: Pick<Interaction, 'params'>): string[] =>
  typeof params['scope'] === 'string' ? params['scope'].split(' ') : [];

/** Nothing but what could name somebody. */
function loginHintOf(hint: unknown): string | undefined {
  return typeof hint === 'string' && /^[\p{L}\p{N}@.+_-]{1,254}$/u.test(hint) ? hint : undefined;
}

/**
 * Another user signs in in this browser: their predecessor's session ends here instead of at the engine's logout page.
 * @returns whether there was one
 */
async function endOtherUser(provider: Provider, interaction: Interaction, userId: string): Promise<boolean> {
  const previous = interaction.session;
  if (!previous || previous.accountId === userId) return false;
  const session = await provider.Session.findByUid(previous.uid);
  await session?.destroy();
  delete interaction.session;
  return true;
}

function loginOf({ userId, authTime, signedInAt, identitySessionId, acr, amr }: SignedIn) {
  return {
    accountId: userId,
    ts: authTime,
    [SIGNED_IN_AT]: signedInAt,
    [IDENTITY_SESSION]: identitySessionId,
    amr: [...amr],
    ...(acr === undefined ? {} : { acr }),
  };
}

interface GrantedScopes {
  readonly resource: string;
  readonly asked: readonly string[];
  /** What the user agreed to. */
  readonly scopes: readonly string[];
}

/** @returns everything that is granted */
function addScopes(grant: InstanceType<Provider['Grant']>, { resource, asked, scopes }: GrantedScopes): string[] {
  // The engine issues no code for nothing at all; `openid` opens nothing at the gateway.
  const protocolScopes = asked.includes('openid') || scopes.length === 0 ? ['openid'] : [];
  if (protocolScopes.length > 0) grant.addOIDCScope(protocolScopes);
  if (scopes.length > 0) grant.addResourceScope(resource, [...scopes]);
  const withheld = asked.filter((scope) => !['openid', 'offline_access', ...scopes].includes(scope));
  if (withheld.length > 0) grant.rejectResourceScope(resource, withheld);
  return [...protocolScopes, ...scopes];
}

/** Who is signed in in the browser of this interaction, and since when. */
async function authenticationOf(
  provider: Provider,
  { session, lastSubmission }: Interaction,
  decisions: Parts['decisions'],
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
