import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createLocalJWKSet,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  jwtVerify,
  SignJWT,
  type CryptoKey,
  type JWK,
  type JWTPayload,
} from 'jose';
import type { IdentityProduct } from './identity-products.js';

/** How a client proved itself at the token endpoint. */
export interface SeenAuthentication {
  readonly method: string;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: JWTPayload;
}

/** A local identity provider that serves one product's documents and signs in the human of its recording, at once. */
export interface TestIdentityProduct {
  readonly issuer: string;
  readonly port: number;
  readonly clientSecret: string;
  /** The public half a client may sign with. */
  clientKey: JWK | undefined;
  /** Claims of the next ID token that differ from the recording; undefined leaves one out. */
  claims: Record<string, unknown>;
  /** The algorithm of the next ID token; `HS256` signs with the client's secret, `none` not at all. */
  algorithm: string;
  /** Of the metadata, which is read when a document is new. */
  metadata: Record<string, unknown>;
  /** `iss` of the answer; null leaves it out. */
  issParameter: string | null;
  readonly requests: URLSearchParams[];
  readonly authentications: SeenAuthentication[];
  close(): Promise<void>;
}

const b64 = (text: string) => Buffer.from(text).toString('base64url');

export async function startTestIdentityProduct(product: IdentityProduct): Promise<TestIdentityProduct> {
  const keys = new Map<string, { privateKey: CryptoKey; jwk: JWK }>();
  const keyFor = async (alg: string) => {
    const known = keys.get(alg);
    if (known) return known;
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const made = { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: `kid-${alg}`, alg, use: 'sig' } };
    keys.set(alg, made);
    return made;
  };
  await keyFor('RS256');
  const codes = new Map<string, { nonce: string; challenge: string }>();
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const metadata = () => ({ ...product.metadata(origin), ...served.metadata });
  const path = (endpoint: string) => new URL(String(product.metadata(origin)[endpoint])).pathname;
  const served: TestIdentityProduct = {
    issuer: product.issuer(origin),
    port,
    clientSecret: 'secret-of-the-client-at-this-product',
    clientKey: undefined,
    claims: {},
    algorithm: 'RS256',
    metadata: {},
    issParameter:
      product.metadata(origin)['authorization_response_iss_parameter_supported'] === true
        ? product.issuer(origin)
        : null,
    requests: [],
    authentications: [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', origin);
    const json = (body: unknown, status = 200) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    switch (url.pathname) {
      case `${new URL(served.issuer).pathname.replace(/\/$/, '')}/.well-known/openid-configuration`:
        return json(metadata());
      case path('jwks_uri'):
        return json({ keys: [...keys.values()].map(({ jwk }) => jwk) });
      case path('authorization_endpoint'):
        return void response.writeHead(303, { location: authorize(url.searchParams) }).end();
      case path('token_endpoint'): {
        const chunks: Buffer[] = [];
        for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
        return redeem(new URLSearchParams(Buffer.concat(chunks).toString()), request.headers.authorization, json);
      }
      case path('userinfo_endpoint'):
        return product.userInfo ? json(product.userInfo) : json({ error: 'nobody should ask' }, 500);
      default:
        return json({ error: 'not_found' }, 404);
    }
  }

  function authorize(asked: URLSearchParams): string {
    served.requests.push(asked);
    const back = new URL(asked.get('redirect_uri') ?? '');
    const code = randomUUID();
    codes.set(code, { nonce: asked.get('nonce') ?? '', challenge: asked.get('code_challenge') ?? '' });
    back.searchParams.set('code', code);
    back.searchParams.set('state', asked.get('state') ?? '');
    if (served.issParameter !== null) back.searchParams.set('iss', served.issParameter);
    return back.href;
  }

  async function redeem(
    form: URLSearchParams,
    authorization: string | undefined,
    json: (body: unknown, status?: number) => void,
  ): Promise<void> {
    if (!(await isClient(form, authorization))) return json({ error: 'invalid_client' }, 401);
    const code = codes.get(form.get('code') ?? '');
    codes.delete(form.get('code') ?? '');
    if (
      code?.challenge !==
      createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url')
    )
      return json({ error: 'invalid_grant' }, 400);
    const at = Math.floor(Date.now() / 1000);
    json({
      access_token: randomUUID(),
      token_type: 'Bearer',
      expires_in: 300,
      id_token: await sign({
        ...product.idToken(origin),
        aud: 'sallyport',
        iat: at,
        exp: at + 300,
        nonce: code.nonce,
        ...served.claims,
      }),
    });
  }

  async function sign(claims: JWTPayload): Promise<string> {
    const payload = JSON.parse(JSON.stringify(claims)) as JWTPayload;
    if (served.algorithm === 'none') return `${b64(JSON.stringify({ alg: 'none' }))}.${b64(JSON.stringify(payload))}.`;
    if (served.algorithm.startsWith('HS'))
      return new SignJWT(payload).setProtectedHeader({ alg: served.algorithm }).sign(Buffer.from(served.clientSecret));
    const { privateKey } = await keyFor(served.algorithm);
    return new SignJWT(payload)
      .setProtectedHeader({ alg: served.algorithm, kid: `kid-${served.algorithm}`, typ: 'JWT' })
      .sign(privateKey);
  }

  async function isClient(form: URLSearchParams, authorization: string | undefined): Promise<boolean> {
    const assertion = form.get('client_assertion');
    if (assertion !== null) {
      const header = decodeProtectedHeader(assertion);
      const { payload } = await jwtVerify(
        assertion,
        createLocalJWKSet({ keys: served.clientKey ? [served.clientKey] : [] }),
        { issuer: 'sallyport', subject: 'sallyport', requiredClaims: ['jti', 'exp', 'aud'] },
      );
      served.authentications.push({ method: 'private_key_jwt', header: { ...header }, claims: payload });
      return form.get('client_assertion_type') === 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    }
    if (authorization !== undefined) {
      served.authentications.push({ method: 'client_secret_basic' });
      const [id, secret] = Buffer.from(authorization.slice('Basic '.length), 'base64')
        .toString()
        .split(':')
        .map(decodeURIComponent);
      return id === 'sallyport' && secret === served.clientSecret;
    }
    const secret = form.get('client_secret');
    served.authentications.push({ method: secret === null ? 'none' : 'client_secret_post' });
    return form.get('client_id') === 'sallyport' && (secret === null || secret === served.clientSecret);
  }
  return served;
}
