import { createHash, generateKeyPairSync, randomBytes, sign as signBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the token endpoint does next instead of answering properly. */
export type TokenFault =
  /** Spends the refresh token, then drops the connection: the client cannot know. */
  | 'drop-after-commit'
  /** Drops the connection and has done nothing. */
  | 'drop-before-commit'
  | 'unavailable'
  /** Refuses the client, whom it knows. */
  | 'unauthorized_client';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/**
 * An OAuth authorization server, an OpenID provider and an MCP-shaped resource in one, over plain http on loopback.
 * It approves every authorization by redirect, refresh tokens are single use, and a replayed one ends its grant.
 */
export interface TestOAuthServer {
  readonly origin: string;
  readonly resource: string;
  readonly requests: ReceivedRequest[];
  readonly faults: TokenFault[];
  /** What the token endpoint does each time, while it is set and no fault waits. */
  outage: TokenFault | null;
  /** Milliseconds the token endpoint waits before it answers. */
  delayMs: number;
  /** What the revocation endpoint says instead of revoking. */
  revocationRefusal: { readonly status: number; readonly json: object } | null;
  /** Lifetime of access tokens, seconds; `null`: not said. */
  accessTokenSeconds: number | null;
  /** `sub` of the next ID tokens. */
  subject: string;
  /** Further claims of ID tokens. */
  idTokenClaims: Record<string, unknown>;
  /** Replaces parts of the metadata, by field: of the authorization server, and of the resource. */
  metadata: Record<string, unknown>;
  resourceMetadata: Record<string, unknown>;
  /** Off: a resource of 2025-03-26, which has no metadata and does not name any. */
  hasResourceMetadata: boolean;
  /** Answers a request with `resource` with `invalid_target`, as some do that know no RFC 8707. */
  refusesResource: boolean;
  /** What the registration endpoint says instead of registering. */
  registrationRefusal: { readonly status: number; readonly json: object } | null;
  /** Changes what the registration endpoint answers. */
  tamperRegistration: (answer: Record<string, unknown>) => Record<string, unknown>;
  /** As after a restart with empty stores: no client that registered is known any more, and no grant. */
  forgetClients(): void;
  /**
   * Finds a client by `client_id` in the body alone, whatever its credentials are in: as servers on the Python SDK do.
   */
  readsClientIdInBodyOnly: boolean;
  /**
   * Says on its page alone that it does not know a client, and of a code that it does not know the code: as
   * better-auth.
   */
  tellsStrangersOnPageOnly: boolean;
  /** Gives no client more scopes than it registered with. */
  registeredScopesOnly: boolean;
  /** Changes the parameters of the redirect back to the client. */
  tamper: (parameters: URLSearchParams) => void;
  /** Changes what the token endpoint answers when it grants. */
  tamperTokens: (answer: Record<string, unknown>) => Record<string, unknown>;
  /** Changes an ID token before it is sent. */
  tamperIdToken: (token: string) => string;
  /** Every secret it ever handed out, by kind. */
  readonly issued: {
    readonly accessTokens: string[];
    readonly refreshTokens: string[];
    readonly clientSecrets: string[];
  };
  /** A grant of the client, as if somebody had connected. */
  grant(clientId: string): { readonly accessToken: string; readonly refreshToken: string };
  /** Presented at the resource and good there. */
  isLive(accessToken: string): boolean;
  /** Ends every grant, as a user would who disconnects at the server. */
  endAllGrants(): void;
  /** A JWT signed by its key `at-1` (ES256), published at `/jwks`. */
  signJwt(claims: object, header?: object): string;
  readonly keys: {
    readonly kid: string;
    readonly publicJwk: Record<string, unknown>;
    readonly privateJwk: Record<string, unknown>;
  };
  stop(): Promise<void>;
}

interface Grant {
  live: boolean;
  refreshToken: string;
  accessTokens: Set<string>;
  clientId: string;
}

export async function startTestOAuthServer(): Promise<TestOAuthServer> {
  const codes = new Map<string, { clientId: string; redirectUri: string; challenge: string; nonce: string | null }>();
  const clients = new Map<string, string | undefined>([['sallyport-control-plane', undefined]]);
  const forgotten = new Set<string>();
  const registeredScopes = new Map<string, readonly string[]>();
  const byRefreshToken = new Map<string, Grant>();
  const grants: Grant[] = [];
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicJwk = { ...publicKey.export({ format: 'jwk' }), kid: 'at-1', alg: 'ES256', use: 'sig' };

  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => void handle(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const control: TestOAuthServer = {
    origin,
    resource: `${origin}/mcp`,
    requests: [],
    faults: [],
    outage: null,
    delayMs: 0,
    revocationRefusal: null,
    accessTokenSeconds: 3600,
    subject: 'usr_nobody',
    idTokenClaims: {},
    metadata: {},
    resourceMetadata: {},
    hasResourceMetadata: true,
    refusesResource: false,
    registrationRefusal: null,
    forgetClients() {
      control.endAllGrants();
      for (const clientId of registeredScopes.keys()) {
        clients.delete(clientId);
        forgotten.add(clientId);
      }
    },
    tamperRegistration: (answer) => answer,
    readsClientIdInBodyOnly: false,
    tellsStrangersOnPageOnly: false,
    registeredScopesOnly: false,
    tamper: () => undefined,
    tamperTokens: (answer) => answer,
    tamperIdToken: (token) => token,
    issued: { accessTokens: [], refreshTokens: [], clientSecrets: [] },
    grant(clientId) {
      const grant: Grant = { live: true, refreshToken: '', accessTokens: new Set(), clientId };
      grants.push(grant);
      issue(grant);
      return { accessToken: [...grant.accessTokens][0] ?? '', refreshToken: grant.refreshToken };
    },
    isLive: (token) => grants.some((grant) => grant.live && grant.accessTokens.has(token)),
    endAllGrants() {
      for (const grant of grants) grant.live = false;
    },
    signJwt(claims, header = {}) {
      const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const input = `${encode({ alg: 'ES256', kid: 'at-1', typ: 'JWT', ...header })}.${encode(claims)}`;
      return `${input}.${signBytes('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    },
    keys: { kid: 'at-1', publicJwk, privateJwk: { ...privateKey.export({ format: 'jwk' }) } },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function handle(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
    const url = new URL(request.url ?? '/', origin);
    control.requests.push({
      method: request.method ?? '',
      path: url.pathname,
      authorization: request.headers.authorization,
      body,
    });
    const json = (status: number, value: unknown, headers: Record<string, string> = {}) =>
      void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
    switch (url.pathname) {
      case '/mcp': {
        const live = control.isLive(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '');
        const challenge = control.hasResourceMetadata
          ? `resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp", scope="notes.read"`
          : 'realm="notes"';
        return live
          ? json(200, { jsonrpc: '2.0', id: 1, result: {} })
          : json(401, {}, { 'www-authenticate': `Bearer ${challenge}` });
      }
      case '/.well-known/oauth-protected-resource/mcp':
        if (!control.hasResourceMetadata) return json(404, {});
        return json(200, {
          resource: control.resource,
          authorization_servers: [origin],
          scopes_supported: ['notes.read', 'notes.write'],
          ...control.resourceMetadata,
        });
      case '/.well-known/oauth-authorization-server':
        return json(200, {
          issuer: origin,
          authorization_endpoint: `${origin}/authorize`,
          token_endpoint: `${origin}/token`,
          registration_endpoint: `${origin}/register`,
          revocation_endpoint: `${origin}/revoke`,
          code_challenge_methods_supported: ['S256'],
          token_endpoint_auth_methods_supported: ['client_secret_basic', 'none'],
          authorization_response_iss_parameter_supported: true,
          ...control.metadata,
        });
      case '/moved':
        return void response.writeHead(307, { location: `${origin}/` }).end();
      case '/jwks':
        return json(200, { keys: [publicJwk] });
      case '/register': {
        if (control.registrationRefusal)
          return json(control.registrationRefusal.status, control.registrationRefusal.json);
        const clientId = `client-${randomBytes(6).toString('hex')}`;
        const secret = `secret-${randomBytes(18).toString('base64url')}`;
        control.issued.clientSecrets.push(secret);
        const asked = JSON.parse(body) as { scope?: string; token_endpoint_auth_method?: string };
        const method =
          asked.token_endpoint_auth_method === 'client_secret_post' ? 'client_secret_post' : 'client_secret_basic';
        const answer = control.tamperRegistration({
          client_id: clientId,
          client_secret: secret,
          client_secret_expires_at: 0,
          token_endpoint_auth_method: method,
        });
        clients.set(clientId, typeof answer['client_secret'] === 'string' ? answer['client_secret'] : undefined);
        registeredScopes.set(clientId, (asked.scope ?? '').split(' '));
        return json(201, answer);
      }
      case '/authorize': {
        const parameters = url.searchParams;
        const code = randomBytes(16).toString('base64url');
        codes.set(code, {
          clientId: parameters.get('client_id') ?? '',
          redirectUri: parameters.get('redirect_uri') ?? '',
          challenge: parameters.get('code_challenge') ?? '',
          nonce: parameters.get('nonce'),
        });
        const back = new URL(parameters.get('redirect_uri') ?? origin);
        if (forgotten.has(parameters.get('client_id') ?? '')) {
          if (control.tellsStrangersOnPageOnly)
            return void response.writeHead(302, { location: `${origin}/error?error=invalid_client` }).end();
          return json(400, { error: 'invalid_client' });
        }
        const said = registeredScopes.get(parameters.get('client_id') ?? '') ?? [];
        const isBeyond =
          control.registeredScopesOnly &&
          !(parameters.get('scope') ?? '').split(' ').every((scope) => said.includes(scope));
        const refusal = isBeyond
          ? 'invalid_scope'
          : control.refusesResource && parameters.has('resource')
            ? 'invalid_target'
            : undefined;
        for (const [name, value] of [
          refusal === undefined ? ['code', code] : ['error', refusal],
          ['state', parameters.get('state') ?? ''],
          ['iss', origin],
        ] as const)
          back.searchParams.set(name, value);
        control.tamper(back.searchParams);
        return void response.writeHead(303, { location: back.toString() }).end();
      }
      case '/token':
        await new Promise((resolve) => setTimeout(resolve, control.delayMs));
        return token(new URLSearchParams(body), request, response, json);
      case '/revoke': {
        if (control.revocationRefusal) return json(control.revocationRefusal.status, control.revocationRefusal.json);
        const value = new URLSearchParams(body).get('token') ?? '';
        for (const grant of grants)
          if (grant.refreshToken === value || grant.accessTokens.has(value)) grant.live = false;
        return void response.writeHead(200).end();
      }
      default:
        return json(404, {});
    }
  }

  function token(
    form: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
    json: (status: number, value: unknown) => void,
  ): void {
    const fault = control.faults.shift() ?? control.outage;
    if (fault === 'drop-before-commit') return void request.socket.destroy();
    if (fault === 'unavailable') return json(503, {});
    if (fault === 'unauthorized_client')
      return json(401, { error: 'unauthorized_client', error_description: 'Secret expired.' });
    const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const [clientId, secret] = basic
      ? Buffer.from(basic, 'base64').toString().split(':').map(decodeURIComponent)
      : [form.get('client_id') ?? '', form.get('client_secret') ?? undefined];
    if (control.readsClientIdInBodyOnly && !form.has('client_id'))
      return json(401, { error: 'invalid_client', error_description: 'Missing client_id' });
    if (clientId === undefined || !clients.has(clientId) || clients.get(clientId) !== secret)
      return control.tellsStrangersOnPageOnly
        ? json(400, { error: 'invalid_grant' })
        : json(401, { error: 'invalid_client' });
    if (control.refusesResource && form.has('resource')) return json(400, { error: 'invalid_target' });
    const answer = form.get('grant_type') === 'refresh_token' ? refresh(form, clientId) : redeem(form, clientId);
    if (fault === 'drop-after-commit') return void request.socket.destroy();
    return answer ? json(200, control.tamperTokens({ ...answer })) : json(400, { error: 'invalid_grant' });
  }

  function redeem(form: URLSearchParams, clientId: string): object | undefined {
    const code = form.get('code') ?? '';
    const pending = codes.get(code);
    codes.delete(code);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (
      !pending ||
      pending.clientId !== clientId ||
      pending.redirectUri !== form.get('redirect_uri') ||
      pending.challenge !== challenge
    )
      return undefined;
    const grant: Grant = { live: true, refreshToken: '', accessTokens: new Set(), clientId };
    grants.push(grant);
    const now = Math.floor(Date.now() / 1000);
    const idToken =
      pending.nonce === null
        ? {}
        : {
            id_token: control.tamperIdToken(
              control.signJwt({
                ...control.idTokenClaims,
                iss: origin,
                aud: clientId,
                sub: control.subject,
                nonce: pending.nonce,
                iat: now,
                exp: now + 300,
              }),
            ),
          };
    return { ...issue(grant), ...idToken };
  }

  function refresh(form: URLSearchParams, clientId: string): object | undefined {
    const presented = form.get('refresh_token') ?? '';
    const grant = byRefreshToken.get(presented);
    if (!grant?.live || grant.clientId !== clientId) return undefined;
    if (grant.refreshToken !== presented) {
      grant.live = false; // a replay: the whole grant ends
      return undefined;
    }
    return issue(grant);
  }

  function issue(grant: Grant): object {
    const accessToken = `downstream-access-${randomBytes(24).toString('base64url')}`;
    grant.refreshToken = `downstream-refresh-${randomBytes(24).toString('base64url')}`;
    grant.accessTokens.add(accessToken);
    byRefreshToken.set(grant.refreshToken, grant);
    control.issued.accessTokens.push(accessToken);
    control.issued.refreshTokens.push(grant.refreshToken);
    return {
      access_token: accessToken,
      token_type: 'Bearer',
      refresh_token: grant.refreshToken,
      ...(control.accessTokenSeconds === null ? {} : { expires_in: control.accessTokenSeconds }),
    };
  }

  return control;
}
