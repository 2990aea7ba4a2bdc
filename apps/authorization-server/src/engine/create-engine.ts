import type { JWK } from 'jose';
import { DPOP_ALGORITHMS } from '@sallyport/access-token';
import type { Clock } from '@sallyport/kernel';
import { isTrustedRedirect, mayFetchDocument } from '@sallyport/authorization';
import { errors, Provider, type Client, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import type { DocumentFetch } from '../limits/document-fetch.js';
import type { ArtifactStore } from '../storage/artifact-store.js';
import {
  CONFIDENTIAL_METHODS,
  CONTROL_PLANE_CLIENT_ID,
  DYNAMIC_PREFIX,
  normaliseClientMetadata,
  REGISTERED_BY,
  registeredBy,
} from './client-metadata.js';
import { createEngineAdapter } from './engine-adapter.js';
import type {
  AssertionVerdict,
  AuthorizationEngine,
  EngineDecisions,
  EngineEvents,
  LifecycleSubject,
  RenderError,
  TokenVerdict,
} from './engine.js';
import { interactionPolicyFor } from './interaction-policy.js';
import {
  answerUrl,
  atomicReplayDetection,
  describeMetadata,
  makeTokensWith,
  provenKey,
  toRegistration,
  whenClientIsNamed,
  whenClientIsSought,
  wrappedProvider,
} from './internals.js';
import { IDENTITY_SESSION, interactionSteps } from './interaction-steps.js';
import { registerAssertionGrant } from './assertion-grant.js';
import { RequestAdmission, TooManyRequests } from './limit-requests.js';
import { OwnTokens } from './own-tokens.js';
import { guardRegistration, refuseForgotten } from './register-clients.js';
import { RefreshRotation } from './refresh-rotation.js';
import { OutageAnswers, type Outages } from './outage-answers.js';
import { presentWorkload, verifyWorkloads } from './workload-assertion.js';
import { answerForAccessTokens, INTROSPECTION_PATH, isConfidential, REVOCATION_PATH } from './structured-tokens.js';

export interface EngineOptions {
  readonly issuer: string;
  /** The gateway's resource (RFC 8707): the only one an agent can get a token for. */
  readonly resource: string;
  readonly controlPlaneCallback: string;
  readonly signingKeys: readonly JWK[];
  readonly cookieKeys: readonly string[];
  /** 32 bytes, the same on every replica. */
  readonly dpopNonceSecret: Uint8Array;
  /** Marks codes and refresh tokens as ours; the same on every replica. */
  readonly tokenMarkKey: Uint8Array;
  readonly store: ArtifactStore;
  /** For documents and key sets that agents name. */
  readonly documents: Pick<DocumentFetch, 'fetch' | 'refusal'>;
  readonly clock: Clock;
  readonly decisions: EngineDecisions;
  readonly events: EngineEvents;
  readonly renderError: RenderError;
  /** What is told as an outage of the store or the configuration, and how. */
  readonly unavailable: Outages;
}

/** In ID tokens for our own pages: the sign-in they came from. */
const SIGN_IN_CLAIM = 'identity_session';
const MINUTE = 60;
const INTERACTION_SECONDS = 10 * MINUTE;
const SESSION_SECONDS = 8 * 3600;
/** What a client signs to authenticate is remembered for as long as it is good; it is made when it is needed. */
const CLIENT_ASSERTION_SECONDS = 3600;
const OWNED =
  /^\/(?:authorize(?:\/[A-Za-z0-9_-]+)?|token|register(?:\/[A-Za-z0-9_-]+)?|revoke|introspect|par|\.well-known\/(?:oauth-authorization-server|openid-configuration))$/;

/** Configures the engine: OAuth 2.1 and what the MCP authorization specification adds, nothing it has beyond that. */
export function createEngine(options: EngineOptions): AuthorizationEngine {
  const { issuer, resource, decisions, events } = options;
  const secure = issuer.startsWith('https:');
  const [signingKey] = options.signingKeys;
  if (!signingKey?.kid || !isSigningAlgorithm(signingKey.alg))
    throw new TypeError('an access token signing key with a kid and an algorithm of ours is needed');
  const { kid, alg } = signingKey;
  const verdicts = new WeakMap<object, TokenVerdict | AssertionVerdict>();
  const rotation = new RefreshRotation(options.store);
  /** Requests that are answered with a successor made a moment ago. */
  const repeating = new WeakSet<object>();
  const isFirstParty = (client: Client) => client.clientId === CONTROL_PLANE_CLIENT_ID;

  const admit = async (ctx: KoaContextWithOIDC, kind: 'code' | 'refresh', source: TokenSource): Promise<void> => {
    if (!ctx.oidc.client) return;
    if (isFirstParty(ctx.oidc.client)) {
      if (decisions.signInVoid(source.accountId, source.iat ?? 0))
        throw new errors.InvalidGrant({ detail: 'the user was revoked' });
      return;
    }
    const verdict = await decisions.admitToken({
      kind,
      grantId: source.grantId ?? '',
      clientId: ctx.oidc.client.clientId,
      authMethod: ctx.oidc.client.tokenEndpointAuthMethod ?? 'none',
      isKeyBound: (await provenKey(ctx)) !== undefined,
      authentication: {
        userId: source.accountId,
        authTime: source.authTime ?? 0,
        acr: source.acr,
        amr: source.amr ?? [],
      },
      sourceIp: ctx.ip || null,
    });
    verdicts.set(ctx, verdict);
    // A code is used up by now: only a refresh token is worth keeping.
    if (!verdict.admitted)
      throw verdict.retriable && kind === 'refresh'
        ? new NotNow(verdict.reason)
        : new errors.InvalidGrant({ detail: verdict.reason });
    admitUser(ctx, source.accountId, source.grantId);
    if (registeredBy(ctx.oidc.client.clientId) === 'dynamic')
      await decisions.registration.used(ctx.oidc.client.clientId, kind === 'code' ? source.accountId : undefined);
  };
  const admitUser = (ctx: KoaContextWithOIDC, userId: string, grantId?: string): void => {
    const refusal = decisions.limits.admitUser(userId, ctx.oidc.client?.clientId, grantId);
    if (refusal) throw new TooManyRequests(ctx, refusal);
  };

  const admitMachine = async (ctx: KoaContextWithOIDC, client: Client): Promise<void> => {
    const verdict = await decisions.admitMachine({
      clientId: client.clientId,
      authMethod: client.tokenEndpointAuthMethod ?? 'none',
      isKeyBound: (await provenKey(ctx)) !== undefined,
      sourceIp: ctx.ip || null,
    });
    verdicts.set(ctx, verdict);
    if (!verdict.admitted) throw new errors.InvalidGrant({ detail: verdict.reason });
    const { params } = ctx.oidc;
    if (params && params['scope'] === undefined) params['scope'] = [...verdict.scopes].join(' ');
  };

  const resourceServer = (scopes: readonly string[]) => ({
    scope: scopes.join(' '),
    audience: resource,
    accessTokenFormat: 'jwt' as const,
    accessTokenTTL: decisions.lifetimes().accessToken,
    jwt: { sign: { alg, kid } },
  });

  const configuration: Configuration = {
    adapter: createEngineAdapter(
      {
        store: options.store,
        rotation,
        administered: decisions.administeredAgent,
        registration: decisions.registration,
      },
      (grantId, clientId) => events.grantRevoked(grantId, clientId, 'a code was used twice at once'),
    ),
    jwks: { keys: options.signingKeys },
    clients: [
      {
        client_id: CONTROL_PLANE_CLIENT_ID,
        client_name: 'Sallyport',
        redirect_uris: [options.controlPlaneCallback],
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    clientDefaults: {
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: alg,
      token_endpoint_auth_method: 'client_secret_basic',
    },
    clientAuthMethods: ['none', ...CONFIDENTIAL_METHODS],
    enabledJWA: {
      idTokenSigningAlgValues: [alg],
      clientAuthSigningAlgValues: ['ES256', 'EdDSA', 'Ed25519', 'PS256', 'RS256'],
      dPoPSigningAlgValues: DPOP_ALGORITHMS,
    },
    assertJwtClientAuthClaimsAndHeader: (_ctx, { exp }) => {
      if (!(Number(exp) <= options.clock() / 1000 + CLIENT_ASSERTION_SECONDS))
        throw new errors.InvalidClientAuth({ detail: 'the client assertion is good for too long' });
    },
    extraClientMetadata: {
      properties: [REGISTERED_BY],
      validator: (ctx, _key, _value, metadata) =>
        normaliseClientMetadata(ctx, metadata, {
          redirectHosts: () => decisions.registration.redirectHosts,
          idTokenAlgorithm: alg,
        }),
    },
    allowOmittingSingleRegisteredRedirectUri: false,
    claims: { openid: ['sub', SIGN_IN_CLAIM] },
    conformIdTokenClaims: true,
    cookies: {
      names: {
        session: cookieName('session', secure, 'host'),
        interaction: cookieName('interaction', secure, 'path'),
        resume: cookieName('resume', secure, 'path'),
      },
      keys: [...options.cookieKeys],
      long: { signed: true, httpOnly: true, sameSite: 'lax', secure, path: '/' },
      short: { signed: true, httpOnly: true, sameSite: 'lax', secure },
    },
    pkce: { required: () => true },
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access'],
    rotateRefreshToken: async (ctx) => {
      // Asked here because the old token is not consumed yet: a refusal that may pass (hours, network) costs no session.
      const token = ctx.oidc.entities.RefreshToken;
      if (token) await admit(ctx, 'refresh', token);
      return !repeating.has(ctx);
    },
    issueRefreshToken: (_ctx, client) => !isFirstParty(client) && client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => false,
    ttl: {
      AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? decisions.lifetimes().accessToken,
      AuthorizationCode: MINUTE,
      ClientCredentials: () => decisions.lifetimes().machineToken,
      IdToken: () => decisions.lifetimes().accessToken,
      RefreshToken: () => decisions.lifetimes().sessionIdle,
      Grant: () => decisions.lifetimes().session,
      Interaction: INTERACTION_SECONDS,
      Session: SESSION_SECONDS,
    },
    findAccount: async (ctx, userId, source) => {
      if (!(await decisions.userExists(userId))) return undefined;
      if (source && ctx.oidc.params?.['grant_type'] === 'authorization_code' && 'grantId' in source)
        await admit(ctx, 'code', source as TokenSource);
      if (ctx.oidc.route === 'authorization') admitUser(ctx, userId);
      // Our own pages end with the sign-in they came from; what an agent learns of it is nothing.
      const browserUid =
        source && ctx.oidc.client && isFirstParty(ctx.oidc.client) && 'sessionUid' in source
          ? source.sessionUid
          : undefined;
      return {
        accountId: userId,
        claims: async () => ({
          sub: userId,
          ...(browserUid === undefined ? {} : { [SIGN_IN_CLAIM]: await decisions.signInOfBrowser(browserUid) }),
        }),
      };
    },
    loadExistingGrant: async (ctx) => {
      const signIn: unknown = ctx.oidc.result?.login && Reflect.get(ctx.oidc.result.login, IDENTITY_SESSION);
      if (typeof signIn === 'string' && ctx.oidc.session) await decisions.signedInBrowser(signIn, ctx.oidc.session.uid);
      // Never the grant of an earlier authorization: each has its own, and its own agent session (S4).
      const grantId = ctx.oidc.result?.consent?.grantId;
      if (grantId) return provider.Grant.find(grantId);
      if (!ctx.oidc.client || !isFirstParty(ctx.oidc.client) || !ctx.oidc.account) return undefined;
      const grant = new provider.Grant({ accountId: ctx.oidc.account.accountId, clientId: ctx.oidc.client.clientId });
      grant.addOIDCScope('openid');
      await grant.save();
      return grant;
    },
    extraTokenClaims: (ctx) => {
      const verdict = verdicts.get(ctx);
      return verdict?.admitted ? { ...verdict.claims } : undefined;
    },
    formats: {
      customizers: {
        jwt: (ctx, token, jwt) => {
          jwt.payload['scope'] ??= '';
          if (token.kind === 'ClientCredentials') jwt.payload['sub'] = verdicts.get(ctx)?.subject.userId;
        },
      },
    },
    interactions: {
      policy: interactionPolicyFor(isFirstParty, decisions),
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
    },
    routes: {
      authorization: '/authorize',
      token: '/token',
      jwks: '/engine/jwks',
      registration: '/register',
      revocation: REVOCATION_PATH,
      introspection: INTROSPECTION_PATH,
      pushed_authorization_request: '/par',
    },
    fetch: async (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      return onlyJson(
        await options.documents.fetch(url, init, {
          clientId: Provider.ctx?.oidc.client?.clientId ?? url,
          address: Provider.ctx?.ip ?? '',
        }),
      );
    },
    fetchResponseBodyLimits: {
      'client_id metadata document': 5 * 1024,
      jwks_uri: 64 * 1024,
      sector_identifier_uri: 1024,
    },
    renderError: (ctx, out) => {
      showPage(ctx, options.renderError(out));
    },
    features: {
      devInteractions: { enabled: false },
      // A nonce is offered with each answer and asked for only where a clock is too far off: replays are told by their `jti`.
      dPoP: {
        enabled: true,
        nonceSecret: Buffer.from(options.dpopNonceSecret),
        requireNonce: () => false,
        allowReplay: false,
      },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      pushedAuthorizationRequests: { enabled: true },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: async (_ctx, client, token) =>
          isConfidential(client) &&
          token.clientId === client.clientId &&
          'grantId' in token &&
          typeof token.grantId === 'string' &&
          decisions.grantIsLive(token.grantId),
      },
      registration: {
        enabled: true,
        initialAccessToken: false,
        idFactory: () => `${DYNAMIC_PREFIX}${crypto.randomUUID()}`,
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_ctx, client) => {
          if (isFirstParty(client)) return undefined;
          throw new errors.InvalidTarget('exactly one resource parameter is required'); // RFC 8707, R16
        },
        useGrantedResource: () => true,
        getResourceServerInfo: async (ctx, requested, client) => {
          if (requested !== resource || isFirstParty(client)) throw new errors.InvalidTarget();
          if (ctx.oidc.params?.['grant_type'] === 'client_credentials') await admitMachine(ctx, client);
          const verdict = verdicts.get(ctx);
          const scopes = verdict?.admitted ? [...verdict.scopes] : decisions.knownScopes();
          return resourceServer(scopes);
        },
      },
      clientIdMetadataDocument: {
        enabled: true,
        ack: 'draft-02',
        cacheDuration: { min: 30, max: 3600 },
        allowFetch: async (ctx, clientId) => {
          if (!mayFetchDocument(clientId, decisions.documents()).accepted) return false;
          const refusal = await options.documents.refusal(clientId, { clientId, address: ctx?.ip ?? '' });
          if (refusal) throw new TooManyRequests(ctx, refusal);
          return true;
        },
        // Asked again for a remembered document: the administrator may have changed the list meanwhile.
        allowClient: (_ctx, client) => mayFetchDocument(client.clientId, decisions.documents()).accepted,
      },
    },
  };
  const provider = wrappedProvider(issuer, configuration, {
    refresh: async (ctx, builtIn) => {
      const { params, client } = ctx.oidc;
      const presented = params['refresh_token'];
      if (typeof presented !== 'string') return builtIn(); // which says what is missing
      return rotation.run({ presented, clientId: client.clientId }, builtIn, async (successor) => {
        repeating.add(ctx);
        params['refresh_token'] = successor;
        await builtIn();
      });
    },
    // Nobody has clicked anything yet when the request itself is answered: what follows a form of ours has another route.
    answer: (ctx, redirectUri, parameters, builtIn) => {
      const agent = ctx.oidc.client && toRegistration(ctx.oidc.client);
      const { error, error_description } = parameters;
      if (
        ctx.oidc.route !== 'authorization' ||
        error === undefined ||
        !agent ||
        isTrustedRedirect(agent, redirectUri, decisions.documents())
      )
        return builtIn();
      const back = { agent, redirectUri, href: answerUrl(redirectUri, parameters) };
      if (ctx.status < 400) ctx.status = 400; // of an error that was meant to be redirected
      showPage(ctx, options.renderError({ error, error_description }, back));
    },
  });
  provider.proxy = true; // only what `handle` sets below is there to be trusted
  atomicReplayDetection(provider, options.store, options.clock);
  verifyWorkloads(provider, decisions);

  registerAssertionGrant(provider, {
    resource,
    decisions,
    resourceServer,
    onVerdict: (ctx, verdict) => {
      verdicts.set(ctx, verdict);
      if (verdict.admitted) admitUser(ctx, verdict.userId);
    },
  });
  const ownTokens = new OwnTokens(options.tokenMarkKey);
  makeTokensWith(provider, () => ownTokens.make());
  const admission = new RequestAdmission(decisions, ownTokens);
  whenClientIsSought(provider, (ctx, clientId) => admission.clientSought(ctx, clientId), refuseForgotten);
  whenClientIsNamed(provider, (ctx, client) => admission.clientFound(ctx, client));
  const outages = new OutageAnswers(options.unavailable);
  provider.use(outages.around); // the outermost
  provider.use(admission.middleware);
  provider.use(guardRegistration(decisions));
  provider.use(answerForAccessTokens(decisions));
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.path.startsWith('/.well-known/') && ctx.status === 200)
      ctx.body = describeMetadata(ctx.body, {
        issuer,
        registration: decisions.registration.mode !== 'off',
        documents: decisions.documents().enabled,
        assertions: decisions.acceptsAssertions(),
        scopes: decisions.knownScopes(),
      });
  });

  const subjectOf = (ctx: KoaContextWithOIDC): LifecycleSubject => {
    const verdict = verdicts.get(ctx);
    const { Client: client, RefreshToken: token, AuthorizationCode: code } = ctx.oidc.entities;
    return { clientId: client?.clientId, userId: token?.accountId ?? code?.accountId, ...verdict?.subject };
  };
  provider.on('grant.success', (ctx) => {
    if (ctx.oidc.client && isFirstParty(ctx.oidc.client)) return;
    const { AccessToken: token, ClientCredentials: machineToken } = ctx.oidc.entities;
    events.tokenIssued(
      machineToken ? 'machine' : ctx.oidc.params?.['grant_type'] === 'refresh_token' ? 'refresh' : 'code',
      subjectOf(ctx),
      (token ?? machineToken)?.scope ?? '',
    );
  });
  provider.on('grant.error', (ctx, error) => {
    if (!(error instanceof TooManyRequests))
      events.tokenRefused(subjectOf(ctx), error.error, error.error_detail ?? error.error_description);
  });
  provider.on('grant.revoked', (ctx, grantId) =>
    events.grantRevoked(
      grantId,
      ctx.oidc.client?.clientId,
      ctx.oidc.route === 'revocation' ? 'revoked by the agent' : 'a code or refresh token was used twice',
    ),
  );
  provider.on('registration_create.success', (_ctx, client) => events.registered(toRegistration(client)));
  provider.on('server_error', (ctx, error) => {
    if (!outages.noticed(ctx, error)) events.failed(error);
  });

  const callback = provider.callback();
  const own = new URL(issuer);
  return {
    owns: (path) => OWNED.test(path),
    handle: async (received, response, sourceIp) => {
      const request = await presentWorkload(received, decisions);
      // The engine builds its URLs from the request and believes forwarded headers: both are ours, never the caller's (S19).
      request.headers.host = own.host;
      request.headers['x-forwarded-proto'] = own.protocol.slice(0, -1);
      request.headers['x-forwarded-for'] = sourceIp;
      delete request.headers['x-forwarded-host'];
      // Only a browser is shown a page: elsewhere an error is JSON whatever a client says it prefers (RFC 6749 section 5.2).
      if (!/^\/(?:authorize|\.well-known)\b/.test(request.url ?? '')) request.headers.accept = 'application/json';
      await callback(request, response);
      received.resume(); // what was not read of it would stand in the way of the connection's next request
    },
    ...interactionSteps(provider, { resource, ttlSeconds: INTERACTION_SECONDS, decisions }),
  };
}

/** Nothing is wrong with the token: we cannot find out now whether it may be used (RFC 9110 section 15.6.4). The agent keeps it. */
class NotNow extends errors.OIDCProviderError {
  constructor(detail: string) {
    super(503, 'temporarily_unavailable');
    this.expose = true;
    this.error_description = 'the identity provider cannot be reached now: try again later';
    this.error_detail = detail;
  }
}
const isSigningAlgorithm = (alg: string | undefined): alg is 'ES256' | 'RS256' | 'EdDSA' =>
  alg === 'ES256' || alg === 'RS256' || alg === 'EdDSA';

type TokenSource = {
  iat?: number | undefined;
  grantId?: string | undefined;
  accountId: string;
  authTime?: number | undefined;
  acr?: string | undefined;
  amr?: string[] | undefined;
};

function showPage(ctx: KoaContextWithOIDC, { html, contentSecurityPolicy }: ReturnType<RenderError>): void {
  ctx.type = 'html';
  ctx.set('Content-Security-Policy', contentSecurityPolicy);
  ctx.body = html;
}

/** Documents and key sets are JSON and say so: a host that serves what its users upload vouches for nothing. */
function onlyJson(response: Response): Response {
  if (
    response.status !== 200 ||
    /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;|$)/i.test(response.headers.get('content-type') ?? '')
  )
    return response;
  return new Response(null, { status: 415 });
}

/** `__Host-` needs the path `/`; the engine's interaction and resume cookies live on their own paths (security rule S31). */
function cookieName(name: string, secure: boolean, scope: 'host' | 'path'): string {
  return secure ? `${scope === 'host' ? '__Host-' : '__Secure-'}sallyport_as_${name}` : `sallyport_as_${name}`;
}
