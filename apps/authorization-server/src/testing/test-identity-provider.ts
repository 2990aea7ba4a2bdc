import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export interface TestAccount {
  readonly sub: string;
  readonly [claim: string]: unknown;
}

interface InsteadAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/**
 * A small OpenID provider: signs in whoever `account` names, at once. What it sends can be bent, one thing at a time.
 */
export interface TestIdentityProvider {
  readonly issuer: string;
  readonly clientSecret: string;
  account: TestAccount;
  /** Gives refresh tokens, each good once, and asks `account` anew at each refresh. */
  refreshTokens: boolean;
  /** So many of the next refreshes are done, and their answers lost on the way. */
  losing: number;
  /** Whether a refresh token that was spent is answered as it was when it was (a reuse grace). */
  repeats: boolean;
  /** Every refresh token presented, in order. */
  readonly refreshed: string[];
  /** Token requests of other grants, in order, and how they are answered. */
  readonly exchanges: { readonly form: URLSearchParams; readonly authorization: string | undefined }[];
  exchange: (form: URLSearchParams) => { readonly status?: number; readonly body: unknown };
  /** Whom an access token of its own was given to. */
  subjectOf(accessToken: string): string | undefined;
  /** Answers requests of a path instead. */
  answer: ((path: string) => InsteadAnswer | undefined | Promise<InsteadAnswer | undefined>) | undefined;
  /** Subjects that may not come in any more. */
  readonly disabled: Set<string>;
  logoutToken(
    claims: Record<string, unknown>,
    changes?: { header?: Record<string, unknown>; audience?: string; issuer?: string; wrongKey?: boolean },
  ): Promise<string>;
  bend: {
    noIdTokenAtRefresh?: boolean;
    refreshSubject?: string;
    userInfo?: boolean;
    endSession?: boolean;
    claims?: Record<string, unknown>;
    audience?: string;
    issuerParameter?: string;
    wrongKey?: boolean;
    error?: string;
    challengeMethods?: string[];
    authorizationEndpoint?: string;
    endSessionEndpoint?: string;
    /** Of its tokens. */ lifetimeSeconds?: number;
  };
  /** Query parameters of every authorization request seen. */
  readonly requests: URLSearchParams[];
  close(): Promise<void>;
}

export async function startTestIdentityProvider({ port = 0 }: { port?: number } = {}): Promise<TestIdentityProvider> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const stranger = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'idp-1', alg: 'RS256', use: 'sig' };
  const codes = new Map<string, { nonce: string; challenge: string; account: TestAccount; authTime: number }>();
  const grants = new Map<string, { sub: string; authTime: number }>();
  const spent = new Map<string, Record<string, unknown>>();
  const accessTokens = new Map<string, string>();
  const clientSecret = 'test-idp-client-secret-0123456789';
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: TestIdentityProvider = {
    issuer,
    clientSecret,
    account: {
      sub: 'alice-id',
      email: 'alice@example.com',
      email_verified: true,
      name: 'Alice',
      groups: ['engineering'],
    },
    refreshTokens: false,
    losing: 0,
    repeats: false,
    refreshed: [],
    exchanges: [],
    exchange: () => ({ status: 400, body: { error: 'unsupported_grant_type' } }),
    subjectOf: (accessToken) => accessTokens.get(accessToken),
    answer: undefined,
    disabled: new Set(),
    logoutToken: (claims, { header = {}, audience = 'sallyport', issuer: by = issuer, wrongKey = false } = {}) =>
      new SignJWT({
        iss: by,
        aud: audience,
        iat: Math.floor(Date.now() / 1000),
        jti: randomUUID(),
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
        ...claims,
      })
        .setProtectedHeader({ alg: 'RS256', kid: 'idp-1', typ: 'logout+jwt', ...header })
        .sign(wrongKey ? stranger.privateKey : privateKey),
    bend: {},
    requests: [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', issuer);
    const json = (body: unknown, status = 200) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const instead = await provider.answer?.(url.pathname);
    if (instead)
      return void response
        .writeHead(instead.status, { 'content-type': 'application/json', ...instead.headers })
        .end(typeof instead.body === 'string' ? instead.body : JSON.stringify(instead.body ?? {}));
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return void json({
          issuer,
          authorization_endpoint: provider.bend.authorizationEndpoint ?? `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/jwks`,
          ...(provider.bend.userInfo ? { userinfo_endpoint: `${issuer}/userinfo` } : {}),
          ...(provider.bend.endSession
            ? { end_session_endpoint: provider.bend.endSessionEndpoint ?? `${issuer}/end-session` }
            : {}),
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256'],
          code_challenge_methods_supported: provider.bend.challengeMethods ?? ['S256'],
          authorization_response_iss_parameter_supported: true,
        });
      case '/jwks':
        return void json({ keys: [jwk] });
      case '/authorize': {
        provider.requests.push(url.searchParams);
        const back = new URL(url.searchParams.get('redirect_uri') ?? '');
        back.searchParams.set('state', url.searchParams.get('state') ?? '');
        back.searchParams.set('iss', provider.bend.issuerParameter ?? issuer);
        if (provider.bend.error) back.searchParams.set('error', provider.bend.error);
        else {
          const code = randomUUID();
          codes.set(code, {
            nonce: url.searchParams.get('nonce') ?? '',
            challenge: url.searchParams.get('code_challenge') ?? '',
            account: provider.account,
            authTime: Math.floor(Date.now() / 1000),
          });
          back.searchParams.set('code', code);
        }
        return void response.writeHead(303, { location: back.href }).end();
      }
      case '/token': {
        const chunks: Buffer[] = [];
        for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
        const form = new URLSearchParams(Buffer.concat(chunks).toString());
        if (form.get('grant_type') === 'refresh_token') {
          const { status, body } = await refresh(form);
          if (provider.losing > 0 && status === 200) {
            provider.losing -= 1;
            return void request.socket.destroy();
          }
          return void json(body, status);
        }
        if (form.get('grant_type') !== 'authorization_code') {
          provider.exchanges.push({ form, authorization: request.headers.authorization });
          const { status, body } = provider.exchange(form);
          return void json(body, status);
        }
        const code = codes.get(form.get('code') ?? '');
        codes.delete(form.get('code') ?? '');
        const [, basic = ''] = (request.headers.authorization ?? '').split(' ');
        const [id, secret] = Buffer.from(basic, 'base64').toString().split(':').map(decodeURIComponent);
        const challenge = createHash('sha256')
          .update(form.get('code_verifier') ?? '')
          .digest('base64url');
        if (!code || id !== 'sallyport' || secret !== clientSecret || challenge !== code.challenge)
          return void json({ error: 'invalid_grant' }, 400);
        const idToken = await new SignJWT({
          ...code.account,
          nonce: code.nonce,
          auth_time: code.authTime,
          amr: ['pwd', 'otp'],
          acr: 'urn:test:mfa',
          ...provider.bend.claims,
        })
          .setProtectedHeader({ alg: 'RS256', kid: 'idp-1' })
          .setIssuer(issuer)
          .setAudience(provider.bend.audience ?? 'sallyport')
          .setIssuedAt()
          .setExpirationTime(`${provider.bend.lifetimeSeconds ?? 300}s`)
          .sign(provider.bend.wrongKey ? stranger.privateKey : privateKey);
        return void json({ ...tokensFor(code.account.sub, code.authTime), id_token: idToken });
      }
      case '/userinfo': {
        const sub = accessTokens.get((request.headers.authorization ?? '').slice('Bearer '.length));
        if (sub === undefined || provider.disabled.has(sub))
          return void response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();
        return void json({ ...provider.account, sub });
      }
      default:
        return void json({ error: 'not_found' }, 404);
    }
  }

  function tokensFor(sub: string, authTime: number): Record<string, unknown> {
    const [accessToken, refreshToken] = [randomUUID(), randomUUID()];
    accessTokens.set(accessToken, sub);
    if (provider.refreshTokens) grants.set(refreshToken, { sub, authTime });
    return {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: provider.bend.lifetimeSeconds ?? 300,
      ...(provider.refreshTokens ? { refresh_token: refreshToken } : {}),
    };
  }

  async function refresh(form: URLSearchParams): Promise<{ status: number; body: unknown }> {
    const presented = form.get('refresh_token') ?? '';
    provider.refreshed.push(presented);
    const before = provider.repeats ? spent.get(presented) : undefined;
    if (before) return { status: 200, body: before };
    const grant = grants.get(presented);
    grants.delete(presented);
    if (!grant || provider.disabled.has(grant.sub)) return { status: 400, body: { error: 'invalid_grant' } };
    const account = provider.account.sub === grant.sub ? provider.account : { sub: grant.sub };
    const idToken = await new SignJWT({
      ...account,
      sub: provider.bend.refreshSubject ?? grant.sub,
      auth_time: grant.authTime,
    })
      .setProtectedHeader({ alg: 'RS256', kid: 'idp-1' })
      .setIssuer(issuer)
      .setAudience('sallyport')
      .setIssuedAt()
      .setExpirationTime(`${provider.bend.lifetimeSeconds ?? 300}s`)
      .sign(privateKey);
    const body = {
      ...tokensFor(grant.sub, grant.authTime),
      ...(provider.bend.noIdTokenAtRefresh ? {} : { id_token: idToken }),
    };
    spent.set(presented, body);
    return { status: 200, body };
  }
  return provider;
}
