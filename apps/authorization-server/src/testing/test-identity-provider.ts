import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export interface TestAccount {
  readonly sub: string;
  readonly [claim: string]: unknown;
}

/** A small OpenID provider: signs in whoever `account` names, at once. What it sends can be bent, one thing at a time. */
export interface TestIdentityProvider {
  readonly issuer: string;
  readonly clientSecret: string;
  account: TestAccount;
  bend: { claims?: Record<string, unknown>; audience?: string; issuerParameter?: string; wrongKey?: boolean; error?: string; challengeMethods?: string[] };
  /** Query parameters of every authorization request seen. */
  readonly requests: URLSearchParams[];
  close(): Promise<void>;
}

export async function startTestIdentityProvider({ port = 0 }: { port?: number } = {}): Promise<TestIdentityProvider> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const stranger = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'idp-1', alg: 'RS256', use: 'sig' };
  const codes = new Map<string, { nonce: string; challenge: string; account: TestAccount; authTime: number }>();
  const clientSecret = 'test-idp-client-secret-0123456789';
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: TestIdentityProvider = {
    issuer,
    clientSecret,
    account: { sub: 'alice-id', email: 'alice@example.com', email_verified: true, name: 'Alice', groups: ['engineering'] },
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
    const json = (body: unknown, status = 200) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return void json({
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/jwks`,
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
          codes.set(code, { nonce: url.searchParams.get('nonce') ?? '', challenge: url.searchParams.get('code_challenge') ?? '', account: provider.account, authTime: Math.floor(Date.now() / 1000) });
          back.searchParams.set('code', code);
        }
        return void response.writeHead(303, { location: back.href }).end();
      }
      case '/token': {
        const chunks: Buffer[] = [];
        for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
        const form = new URLSearchParams(Buffer.concat(chunks).toString());
        const code = codes.get(form.get('code') ?? '');
        codes.delete(form.get('code') ?? '');
        const [, basic = ''] = (request.headers.authorization ?? '').split(' ');
        const [id, secret] = Buffer.from(basic, 'base64').toString().split(':').map(decodeURIComponent);
        const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
        if (!code || id !== 'sallyport' || secret !== clientSecret || challenge !== code.challenge) return void json({ error: 'invalid_grant' }, 400);
        const idToken = await new SignJWT({ ...code.account, nonce: code.nonce, auth_time: code.authTime, amr: ['pwd', 'otp'], acr: 'urn:test:mfa', ...provider.bend.claims })
          .setProtectedHeader({ alg: 'RS256', kid: 'idp-1' })
          .setIssuer(issuer)
          .setAudience(provider.bend.audience ?? 'sallyport')
          .setIssuedAt()
          .setExpirationTime('5m')
          .sign(provider.bend.wrongKey ? stranger.privateKey : privateKey);
        return void json({ access_token: randomUUID(), token_type: 'Bearer', expires_in: 300, id_token: idToken });
      }
      default:
        return void json({ error: 'not_found' }, 404);
    }
  }
  return provider;
}
