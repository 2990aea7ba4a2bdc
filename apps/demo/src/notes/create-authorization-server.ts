import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import Provider, { errors, type Configuration } from 'oidc-provider';
import { constantTimeEqual, type Clock } from '@sallyport/kernel';
import { artefactAdapter } from '../oidc/artefact-adapter.js';
import type { ArtefactRecords } from '../oidc/memory-artefacts.js';
import { mountProvider } from '../oidc/mount-provider.js';
import { escapeHtml, renderOAuthError, sendPage, signInForm } from '../oidc/page.js';
import { notesAccounts } from './accounts.js';

export const notesScopes = {
  'notes:read': 'read and search your notes',
  'notes:write': 'add and delete notes',
} as const;

export interface NotesAuthorizationServerOptions {
  /** The origin of the server, without a trailing slash. The issuer is `<url>/oauth`. */
  url: string;
  /** The resource (RFC 8707) that tokens are bound to. */
  resource: string;
  artefacts: ArtefactRecords;
  accessTokenSeconds: number;
  clock: Clock;
}

const PATH = '/oauth';
const WELL_KNOWN = /^\/\.well-known\/(oauth-authorization-server|openid-configuration)\/oauth$/;
const interactionPath = (uid: string) => `${PATH}/interaction/${uid}`;
const interactionRoute = new RegExp(`^${PATH}/interaction/`);

/**
 * Creates the notes service's own OAuth authorization server, as a SaaS vendor would run it: it knows nothing of the
 * company's identity provider. Clients register themselves (RFC 7591) and must use PKCE. Access tokens are opaque,
 * short-lived and bound to the notes resource. A refresh token works once; its second use ends the whole grant.
 */
export async function createNotesAuthorizationServer(
  app: FastifyInstance,
  options: NotesAuthorizationServerOptions,
): Promise<Provider> {
  const provider = new Provider(`${options.url}${PATH}`, await configuration(options));
  mountProvider(app, provider, {
    owns: (path) => WELL_KNOWN.test(path) || (path.startsWith(`${PATH}/`) && !interactionRoute.test(path)),
    rewrite: (path) => (WELL_KNOWN.test(path) ? path.slice(0, -PATH.length) : path),
  });
  routeInteraction(app, provider, options.resource);
  return provider;
}

function routeInteraction(app: FastifyInstance, provider: Provider, resource: string): void {
  const accounts = notesAccounts.map(({ username, password, name }) => ({ username, password, note: name }));
  const ended = {
    status: 400,
    title: 'This request has ended',
    body: '<p>Please start again from your application.</p>',
  };

  app.get<{ Params: { uid: string } }>(interactionPath(':uid'), async (request, reply) => {
    const interaction = await provider.interactionDetails(request.raw, reply.raw);
    if (interaction.uid !== request.params.uid) return sendPage(reply, ended);
    const action = interactionPath(interaction.uid);
    if (interaction.prompt.name === 'login')
      return sendPage(reply, { title: 'Sign in to Notes', body: signInForm({ action, accounts }) });
    const client = await provider.Client.find(String(interaction.params['client_id']));
    const account = notesAccounts.find(({ subject }) => subject === interaction.session?.accountId);
    const requested = requestedScopes(interaction.params);
    return sendPage(reply, {
      title: 'Allow access to your notes?',
      body: consentForm({
        action,
        client: client?.clientName ?? String(interaction.params['client_id']),
        account: account?.name ?? '',
        abilities: Object.entries(notesScopes).flatMap(([scope, words]) => (requested.includes(scope) ? [words] : [])),
        returnsTo: new URL(String(interaction.params['redirect_uri'])).host,
      }),
    });
  });

  app.post<{ Params: { uid: string }; Body: URLSearchParams }>(interactionPath(':uid'), async (request, reply) => {
    const interaction = await provider.interactionDetails(request.raw, reply.raw);
    if (interaction.uid !== request.params.uid) return sendPage(reply, ended);
    if (interaction.prompt.name === 'login') {
      const account = notesAccounts.find(({ username }) => username === request.body.get('username'));
      if (account === undefined || !constantTimeEqual(account.password, request.body.get('password') ?? '')) {
        return sendPage(reply, {
          status: 401,
          title: 'Sign in to Notes',
          body: signInForm({
            action: interactionPath(interaction.uid),
            accounts,
            error: 'User name or password is wrong.',
          }),
        });
      }
      reply.hijack();
      await provider.interactionFinished(request.raw, reply.raw, { login: { accountId: account.subject } });
      return reply;
    }
    if (request.body.get('decision') !== 'allow') {
      reply.hijack();
      await provider.interactionFinished(request.raw, reply.raw, {
        error: 'access_denied',
        error_description: 'The user denied access.',
      });
      return reply;
    }
    const grant = new provider.Grant({
      accountId: interaction.session?.accountId ?? '',
      clientId: String(interaction.params['client_id']),
    });
    const requested = requestedScopes(interaction.params);
    grant.addOIDCScope(requested.join(' '));
    grant.addResourceScope(resource, requested.filter((scope) => scope in notesScopes).join(' '));
    const grantId = await grant.save();
    reply.hijack();
    await provider.interactionFinished(
      request.raw,
      reply.raw,
      { consent: { grantId } },
      { mergeWithLastSubmission: true },
    );
    return reply;
  });
}

function consentForm(consent: {
  readonly action: string;
  readonly client: string;
  readonly account: string;
  readonly abilities: readonly string[];
  readonly returnsTo: string;
}): string {
  const [client, account] = [escapeHtml(consent.client), escapeHtml(consent.account)];
  return `<p><strong>${client}</strong> asks for access to the notes of <strong>${account}</strong>. It may then:</p>
<ul>${consent.abilities.map((words) => `<li>${words}</li>`).join('')}</ul>
<p class="note">You will be sent to ${escapeHtml(consent.returnsTo)}.</p>
<form method="post" action="${escapeHtml(consent.action)}">
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Deny</button>
</form>`;
}

function requestedScopes(params: Record<string, unknown>): string[] {
  const { scope } = params;
  return typeof scope === 'string' ? scope.split(' ') : [];
}

async function configuration({
  resource,
  artefacts,
  accessTokenSeconds,
  clock,
}: NotesAuthorizationServerOptions): Promise<Configuration> {
  const days = 24 * 3600;
  return {
    adapter: artefactAdapter(artefacts, clock),
    jwks: { keys: [await idTokenKey()] },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    clientDefaults: {
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: 'ES256',
      token_endpoint_auth_method: 'none',
    },
    responseTypes: ['code'],
    pkce: { required: () => true },
    scopes: ['offline_access', ...Object.keys(notesScopes)],
    cookies: {
      keys: [randomBytes(32).toString('base64url')],
      names: { session: 'notes-session', interaction: 'notes-interaction', resume: 'notes-resume' },
      long: { httpOnly: true, sameSite: 'lax', signed: true, path: PATH },
      short: { httpOnly: true, sameSite: 'lax', signed: true },
    },
    ttl: {
      Session: 3600,
      Grant: 30 * days,
      Interaction: 600,
      AccessToken: accessTokenSeconds,
      AuthorizationCode: 60,
      RefreshToken: 30 * days,
      IdToken: 300,
    },
    interactions: { url: (_ctx, interaction) => interactionPath(interaction.uid) },
    findAccount: (_ctx, subject) =>
      notesAccounts.some((account) => account.subject === subject)
        ? { accountId: subject, claims: async () => ({ sub: subject }) }
        : undefined,
    // Each authorization has its own grant and its own consent. The end of one does not end the others.
    loadExistingGrant: async (ctx) => {
      const grantId = ctx.oidc.result?.consent?.grantId;
      return grantId ? ctx.oidc.provider.Grant.find(grantId) : undefined;
    },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: () => true,
    expiresWithSession: async () => false,
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      registration: { enabled: true, initialAccessToken: false },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      resourceIndicators: notesResource(resource, accessTokenSeconds),
    },
    routes: {
      authorization: `${PATH}/authorize`,
      token: `${PATH}/token`,
      jwks: `${PATH}/jwks`,
      registration: `${PATH}/register`,
      revocation: `${PATH}/revoke`,
    },
    renderError: renderOAuthError,
  };
}

/** The one resource of the server (RFC 8707). */
function notesResource(
  resource: string,
  accessTokenSeconds: number,
): NonNullable<Configuration['features']>['resourceIndicators'] {
  return {
    enabled: true,
    defaultResource: () => resource,
    useGrantedResource: () => true,
    getResourceServerInfo: (_ctx, requested) => {
      if (requested !== resource) throw new errors.InvalidTarget();
      return {
        scope: Object.keys(notesScopes).join(' '),
        audience: resource,
        accessTokenFormat: 'opaque',
        accessTokenTTL: accessTokenSeconds,
      };
    },
  };
}

/**
 * oidc-provider needs a signing key. This server signs nothing: it issues no ID tokens, and access tokens are opaque.
 */
async function idTokenKey(): Promise<JWK & { kty: 'EC'; crv: 'P-256'; x: string; y: string }> {
  const jwk = await exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey);
  return { ...jwk, kty: 'EC', crv: 'P-256', x: jwk.x ?? '', y: jwk.y ?? '', use: 'sig', alg: 'ES256', kid: 'notes' };
}
