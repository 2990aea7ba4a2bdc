import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { makeDpopKey } from '@sallyport/testing';
import { Person } from './person.js';
import type { System } from '../system/system.js';
import type { SignedInFacts } from '../runs/fuzz/fuzz-request.js';

const Registered = z.object({ client_id: z.string(), client_secret: z.string().optional() });
const Metadata = z.object({
  token_endpoint: z.url(),
  revocation_endpoint: z.url(),
  pushed_authorization_request_endpoint: z.url(),
  registration_endpoint: z.url(),
  introspection_endpoint: z.url().optional(),
});
const Tokens = z.object({ access_token: z.string(), refresh_token: z.string() });

/**
 * Two clients of our own, and Alice signed in with one of them: a code that was not redeemed and a pair of tokens that
 * was.
 */
export async function signIn(
  { issuer, gatewayUrl, redirectUri, demo }: Pick<System, 'issuer' | 'gatewayUrl' | 'redirectUri' | 'demo'>,
  scope = 'notes.read',
): Promise<SignedInFacts> {
  const resource = `${gatewayUrl}/mcp`;
  const metadata = Metadata.parse(await json(await fetch(`${issuer}/.well-known/oauth-authorization-server`)));
  const register = async (authMethod: string) =>
    Registered.parse(
      await json(
        await fetch(`${issuer}/register`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            client_name: 'Fuzz',
            redirect_uris: [redirectUri],
            token_endpoint_auth_method: authMethod,
            grant_types: ['authorization_code', 'refresh_token'],
            response_types: ['code'],
          }),
        }),
      ),
    );
  const open = await register('none');
  const confidential = await register('client_secret_basic');
  const codeVerifier = randomBytes(32).toString('base64url');
  const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');
  const person = new Person('alice', { agentRedirectUri: redirectUri });

  const parameters = {
    client_id: open.client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope,
    resource,
    code_challenge: codeChallenge,
    code_challenge_method: 'S256',
  };
  const request = `${issuer}/authorize?${new URLSearchParams(parameters)}`;
  const authorize = async (): Promise<string> => {
    const landing = await person.visit(request);
    if (landing.type !== 'stopped')
      throw new Error(`The sign-in ended on the page "${landing.page.title}": ${landing.page.text}`);
    return landing.url.searchParams.get('code') ?? '';
  };
  const redeem = async (code: string) =>
    Tokens.parse(
      await json(
        await fetch(`${issuer}/token`, {
          method: 'POST',
          body: new URLSearchParams({
            grant_type: 'authorization_code',
            client_id: open.client_id,
            code,
            redirect_uri: redirectUri,
            code_verifier: codeVerifier,
            resource,
          }),
        }),
      ),
    );

  const tokens = await redeem(await authorize());
  const key = await makeDpopKey();
  const prove = (path: string, claims: Record<string, unknown> = {}) =>
    key.prove({ method: 'POST', url: `${issuer}${path}`, claims });
  const odd = [
    { iat: 'now' },
    { iat: -1 },
    { iat: 1e300 },
    { jti: 'x'.repeat(2_000) },
    { jti: '\u0000' },
    { jti: [] },
    { htu: '://' },
    { htu: { toString: 1 } },
    { htm: null },
    { nonce: 1 },
    { nonce: 'x' },
    { exp: -1 },
  ];
  return {
    issuer,
    resource,
    redirectUri,
    codeVerifier,
    codeChallenge,
    endpoints: new Set(
      Object.values(metadata).flatMap((endpoint) => (endpoint === undefined ? [] : [new URL(endpoint).pathname])),
    ),
    foreignRedirectUri: 'http://evil.example/callback',
    identityProvider: new URL(demo.urls.identityProvider).origin,
    waiting: await waitingRequest(request),
    publicClientId: open.client_id,
    confidentialClient: { id: confidential.client_id, secret: confidential.client_secret ?? '' },
    code: await authorize(),
    refreshToken: tokens.refresh_token,
    accessToken: tokens.access_token,
    dpopProofs: [
      await prove('/token'),
      ...(await Promise.all([
        prove('/token'),
        prove('/token'),
        prove('/par'),
        prove('/authorize'),
        ...odd.map((claims) => prove('/token', claims)),
      ])),
    ],
    dpopThumbprint: key.thumbprint,
  };
}

/** Opened, and left at the first page. */
async function waitingRequest(request: string): Promise<SignedInFacts['waiting']> {
  const pairs = (response: Response) => response.headers.getSetCookie().map((cookie) => cookie.split(';', 1)[0] ?? '');
  const begun = await fetch(request, { redirect: 'manual' });
  const page = new URL(begun.headers.get('location') ?? '', request);
  const cookies = pairs(begun);
  const shown = await fetch(page, { headers: { cookie: cookies.join('; ') } });
  const formToken = /name="form_token" value="([^"]+)"/.exec(await shown.text())?.[1];
  if (formToken === undefined) throw new Error(`${page.pathname} answered ${shown.status} without a form`);
  return { path: page.pathname, cookie: [...cookies, ...pairs(shown)].join('; '), formToken };
}

async function json(response: Response): Promise<unknown> {
  if (!response.ok)
    throw new Error(`${new URL(response.url).pathname} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
