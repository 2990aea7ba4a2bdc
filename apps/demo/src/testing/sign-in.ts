import { createHash, randomBytes } from 'node:crypto';
import { FormBrowser, type Landing } from '../browser/form-browser.js';
import { walkPages } from '../browser/walk-pages.js';

/** A client of an authorization server, written out: for tests that look at single tokens. */
export interface TestClient {
  clientId: string;
  clientSecret?: string;
  redirectUri: string;
  endpoints: { authorization: string; token: string };
}

export async function authorize(
  client: TestClient,
  params: Record<string, string>,
  credentials: { username: string; password: string },
  browser = new FormBrowser({ stopAt: (url) => url.href.startsWith(client.redirectUri) }),
): Promise<{ landing: Landing; verifier: string }> {
  const verifier = randomBytes(32).toString('base64url');
  const url = new URL(client.endpoints.authorization);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: client.clientId,
    redirect_uri: client.redirectUri,
    state: 'state',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...params,
  }).toString();
  return { landing: await walkPages(browser, await browser.open(url), { credentials: () => credentials }), verifier };
}

export async function token(
  client: TestClient,
  params: Record<string, string>,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const basic =
    client.clientSecret === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(`${client.clientId}:${client.clientSecret}`).toString('base64')}` };
  const body = new URLSearchParams({
    ...(client.clientSecret === undefined ? { client_id: client.clientId } : {}),
    ...params,
  });
  const response = await fetch(client.endpoints.token, { method: 'POST', body, headers: basic });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Authorization code to tokens in one go. */
export async function signIn(
  client: TestClient,
  params: Record<string, string>,
  credentials: { username: string; password: string },
): Promise<Record<string, unknown>> {
  const { landing, verifier } = await authorize(client, params, credentials);
  if (landing.type !== 'stopped') throw new Error(`stopped on the page "${landing.page.title}"`);
  const code = landing.url.searchParams.get('code');
  if (code === null) throw new Error(`no code: ${landing.url.searchParams.get('error') ?? ''}`);
  const { status, body } = await token(client, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirectUri,
    code_verifier: verifier,
  });
  if (status !== 200) throw new Error(`token endpoint: ${JSON.stringify(body)}`);
  return body;
}
