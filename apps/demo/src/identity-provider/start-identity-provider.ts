import { randomBytes } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import type { FastifyInstance } from 'fastify';
import Provider, { type Account, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import { constantTimeEqual, type Clock, type Secret } from '@sallyport/kernel';
import { openLoopbackServer } from '../loopback/open-loopback-server.js';
import { artefactAdapter } from '../oidc/artefact-adapter.js';
import { memoryArtefacts } from '../oidc/memory-artefacts.js';
import { mountProvider } from '../oidc/mount-provider.js';
import { renderOAuthError, renderPage, sendPage, signInForm } from '../oidc/page.js';
import { demoUsers } from './users.js';

export interface IdentityProviderOptions {
  /** A loopback address; any other is refused. */
  host: string;
  /** 0 picks a free port. */
  port: number;
  /** The relying party: Sallyport's authorization server. */
  client: {
    clientId: string;
    clientSecret: Secret;
    redirectUris: readonly string[];
    postLogoutRedirectUris?: readonly string[];
  };
  clock: Clock;
}

const SIGN_IN_MINUTES = 10;
const interactionPath = (uid: string) => `/sign-in/${uid}`;

/**
 * Starts the company's identity provider of the demonstration: an OpenID provider with three users, whose passwords are
 * on its page. It keeps everything in memory and listens on loopback only. A real company has Okta, Entra ID or
 * Keycloak.
 */
export async function startIdentityProvider(
  options: IdentityProviderOptions,
): Promise<{ issuer: string; close(): Promise<void> }> {
  const server = await openLoopbackServer({ name: 'demo identity provider', host: options.host, port: options.port });
  const provider = new Provider(server.url, await configuration(options));
  mountProvider(server.app, provider, {
    owns: (path) => path.startsWith('/oauth/') || path.startsWith('/.well-known/'),
  });

  routeSignIn(server.app, provider);
  await server.ready();
  return { issuer: server.url, close: () => server.close() };
}

function routeSignIn(app: FastifyInstance, provider: Provider): void {
  const accounts = demoUsers.map(({ username, password, groups }) => ({ username, password, note: groups.join(', ') }));
  const ended = {
    status: 400,
    title: 'This sign-in has ended',
    body: '<p>Please start again from your application.</p>',
  };
  app.get<{ Params: { uid: string } }>(interactionPath(':uid'), async (request, reply) => {
    const interaction = await provider.interactionDetails(request.raw, reply.raw);
    if (interaction.uid !== request.params.uid) return sendPage(reply, ended);
    return sendPage(reply, {
      title: 'Demo identity provider',
      body: signInForm({ action: interactionPath(interaction.uid), accounts }),
    });
  });
  app.post<{ Params: { uid: string }; Body: URLSearchParams }>(interactionPath(':uid'), async (request, reply) => {
    const interaction = await provider.interactionDetails(request.raw, reply.raw);
    if (interaction.uid !== request.params.uid) return sendPage(reply, ended);
    const user = demoUsers.find((candidate) => candidate.username === request.body.get('username'));
    if (user === undefined || !constantTimeEqual(user.password, request.body.get('password') ?? '')) {
      const error = 'User name or password is wrong.';
      return sendPage(reply, {
        status: 401,
        title: 'Demo identity provider',
        body: signInForm({ action: interactionPath(interaction.uid), accounts, error }),
      });
    }
    reply.hijack();
    await provider.interactionFinished(request.raw, reply.raw, { login: { accountId: user.subject, amr: ['pwd'] } });
    return reply;
  });
  app.setErrorHandler((_error, _request, reply) => sendPage(reply, ended));
}

async function configuration({ client, clock }: IdentityProviderOptions): Promise<Configuration> {
  return {
    adapter: artefactAdapter(memoryArtefacts(), clock),
    clients: [
      {
        client_id: client.clientId,
        client_secret: client.clientSecret.reveal(),
        redirect_uris: [...client.redirectUris],
        post_logout_redirect_uris: [...(client.postLogoutRedirectUris ?? [])],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_basic',
        id_token_signed_response_alg: 'ES256',
        require_auth_time: true,
      },
    ],
    jwks: { keys: [await signingKey()] },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    responseTypes: ['code'],
    pkce: { required: () => true },
    scopes: ['openid', 'profile', 'email', 'groups'],
    claims: {
      openid: ['sub', 'auth_time', 'amr'],
      profile: ['name', 'groups'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    // The ID token itself has groups and e-mail address, as those of enterprise providers do.
    conformIdTokenClaims: false,
    cookies: {
      keys: [randomBytes(32).toString('base64url')],
      names: { session: 'demo-idp-session', interaction: 'demo-idp-interaction', resume: 'demo-idp-resume' },
      long: { httpOnly: true, sameSite: 'lax', signed: true },
      short: { httpOnly: true, sameSite: 'lax', signed: true },
    },
    ttl: {
      Session: 8 * 3600,
      Grant: 8 * 3600,
      Interaction: SIGN_IN_MINUTES * 60,
      AccessToken: 300,
      AuthorizationCode: 60,
      IdToken: 300,
    },
    interactions: { url: (_ctx, interaction) => interactionPath(interaction.uid) },
    findAccount: (_ctx, subject) => accountOf(subject),
    loadExistingGrant,
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: signOut },
    routes: {
      authorization: '/oauth/authorize',
      token: '/oauth/token',
      jwks: '/oauth/jwks',
      userinfo: '/oauth/userinfo',
      end_session: '/oauth/logout',
    },
    renderError: renderOAuthError,
  };
}

function accountOf(subject: string): Account | undefined {
  const user = demoUsers.find((candidate) => candidate.subject === subject);
  if (user === undefined) return undefined;
  const { name, email, groups } = user;
  return {
    accountId: subject,
    claims: async () => ({ sub: subject, name, email, email_verified: true, groups: [...groups] }),
  };
}

const signOut: NonNullable<Configuration['features']>['rpInitiatedLogout'] = {
  enabled: true,
  logoutSource: (ctx, form) => {
    ctx.body = renderPage({
      title: 'Sign out of the demo identity provider?',
      body: `${form}<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>`,
    });
  },
  postLogoutSuccessSource: (ctx) => {
    ctx.body = renderPage({ title: 'Signed out', body: '<p>You are signed out of the demo identity provider.</p>' });
  },
};

/** Grants every request of the one client. A company does not ask its users whether its own gateway may know them. */
async function loadExistingGrant(ctx: KoaContextWithOIDC) {
  const { client, session, provider, params } = ctx.oidc;
  if (!client || !session?.accountId) return undefined;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  const scope = params?.['scope'];
  grant.addOIDCScope(typeof scope === 'string' ? scope : 'openid');
  await grant.save();
  return grant;
}

async function signingKey(): Promise<JWK & { kty: 'EC'; crv: 'P-256'; x: string; y: string }> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = `idp-${(await calculateJwkThumbprint(jwk)).slice(0, 16)}`;
  return { ...jwk, kty: 'EC', crv: 'P-256', x: jwk.x ?? '', y: jwk.y ?? '', use: 'sig', alg: 'ES256', kid };
}
