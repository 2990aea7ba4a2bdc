import { createHash, randomBytes } from 'node:crypto';
import type { DpopKey } from '@sallyport/testing';
import { TestBrowser, type BrowserPage } from './test-browser.js';
import type { TestDeployment } from './test-deployment.js';

export const REDIRECT_URI = 'http://127.0.0.1:33418/callback';

export interface TokenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** An MCP client as far as authorization goes: registers, sends a browser, redeems, refreshes. */
export class TestAgent {
  readonly deployment: TestDeployment;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly browser = new TestBrowser();
  /** Token requests prove this key (RFC 9449). */
  dpop: DpopKey | undefined;
  /** Sent with every request of its own. */
  headers: Record<string, string> = {};
  #verifier = '';

  constructor(deployment: TestDeployment, clientId: string, redirectUri = REDIRECT_URI) {
    this.deployment = deployment;
    this.clientId = clientId;
    this.redirectUri = redirectUri;
  }

  static async register(deployment: TestDeployment, changes: Record<string, unknown> = {}): Promise<TestAgent> {
    const answer = await register(deployment, changes);
    if (answer.status !== 201) throw new Error(`registration failed: ${JSON.stringify(answer.body)}`);
    return new TestAgent(deployment, String(answer.body['client_id']));
  }

  /** PKCE, of the last authorization request. */
  get verifier(): string {
    return this.#verifier;
  }

  authorizationUrl(changes: Record<string, string | undefined> = {}): URL {
    this.#verifier = randomBytes(32).toString('base64url');
    const url = new URL(`${this.deployment.issuer}/authorize`);
    const parameters = {
      client_id: this.clientId,
      redirect_uri: this.redirectUri,
      response_type: 'code',
      state: 'state-of-the-agent',
      scope: 'notes.read',
      resource: this.deployment.resource,
      code_challenge: createHash('sha256').update(this.#verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...changes,
    };
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
    return url;
  }

  open(changes: Record<string, string | undefined> = {}): Promise<BrowserPage> {
    return this.browser.open(this.authorizationUrl(changes), this.redirectUri);
  }

  press(page: BrowserPage, text: string | RegExp, changes: Record<string, string> = {}): Promise<BrowserPage> {
    return this.browser.press(page, text, this.redirectUri, changes);
  }

  /** Interstitial, sign-in, consent where it is asked for, and back. */
  async authorize(changes: Record<string, string | undefined> = {}): Promise<URLSearchParams> {
    let page = await this.open(changes);
    for (let step = 0; step < 4 && page.status !== 0; step++) page = await this.press(page, /^Continue with|^Allow$/);
    return page.url.searchParams;
  }

  async redeem(code: string | null, changes: Record<string, string | undefined> = {}): Promise<TokenAnswer> {
    return this.token({
      grant_type: 'authorization_code',
      code: code ?? '',
      redirect_uri: this.redirectUri,
      code_verifier: this.#verifier,
      resource: this.deployment.resource,
      ...changes,
    });
  }

  refresh(refreshToken: unknown, changes: Record<string, string | undefined> = {}): Promise<TokenAnswer> {
    return this.token({ grant_type: 'refresh_token', refresh_token: String(refreshToken), ...changes });
  }

  /** The whole way, once. */
  async connect(changes: Record<string, string | undefined> = {}): Promise<TokenAnswer> {
    const answer = await this.authorize(changes);
    return this.redeem(answer.get('code'));
  }

  async token(parameters: Record<string, string | undefined>): Promise<TokenAnswer> {
    const form = new URLSearchParams({ client_id: this.clientId });
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) form.set(name, value);
    const url = `${this.deployment.issuer}/token`;
    const response = await fetch(url, {
      method: 'POST',
      body: form,
      headers: { ...this.headers, ...(this.dpop ? { dpop: await this.dpop.prove({ method: 'POST', url }) } : {}) },
    });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    };
  }
}

export async function register(
  deployment: TestDeployment,
  changes: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<TokenAnswer> {
  const metadata = {
    client_name: 'Test agent',
    redirect_uris: [REDIRECT_URI],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    ...changes,
  };
  const response = await fetch(`${deployment.issuer}/register`, {
    method: 'POST',
    body: JSON.stringify(metadata),
    headers: { 'content-type': 'application/json', ...headers },
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}
