import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FormBrowser, type Landing } from '@sallyport/demo';
import { decodeJwt } from 'jose';
import { z } from 'zod';
import { GATEWAY_URL } from './fleet.js';
import { PERSON_COOKIE } from './identity-provider.js';
import type { Refusal } from './judge-sign-ins.js';

const REDIRECT_URI = 'http://127.0.0.1:43118/callback'; // nobody listens: the browser stops there
const AGAIN_MS = 250;
const MAX_PAGES = 8;

const Tokens = z.object({ access_token: z.string(), refresh_token: z.string() });
const OAuthError = z.object({ error: z.string(), error_description: z.string().default('') });

export interface Surroundings {
  readonly issuer: string;
  readonly clientId: string;
  readonly isOver: () => boolean;
  readonly random: () => number;
  /** Any answer to a refresh other than tokens. */
  readonly onRefusal: (refusal: Refusal) => void;
}
/** Who sits in front of the browser, and where they sign in. */
export interface Seat {
  readonly person: string;
  readonly trustProvider: string;
}

/** @returns the client id of agents that register at an authorization server (RFC 7591) */
export async function registerAgent(issuer: string): Promise<string> {
  const response = await fetch(`${issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Agent',
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    }),
  });
  return z.object({ client_id: z.string() }).parse(await response.json()).client_id;
}

/**
 * An agent of one person: signs in with them, refreshes, and signs in anew where it is told that its session is over.
 */
export class RefreshingAgent {
  readonly #surroundings: Surroundings;
  readonly #seat: Seat;
  #tokens: { readonly sid: string; readonly refreshToken: string } | undefined;
  #refreshes = 0;

  constructor(surroundings: Surroundings, seat: Seat) {
    this.#surroundings = surroundings;
    this.#seat = seat;
  }

  get isSignedIn(): boolean {
    return this.#tokens !== undefined;
  }
  get refreshes(): number {
    return this.#refreshes;
  }

  /** @returns whether it worked; a process that dies on the way has the browser begin anew */
  async signIn(): Promise<boolean> {
    const { issuer, clientId } = this.#surroundings;
    const verifier = randomBytes(32).toString('base64url');
    const url = new URL(`${issuer}/authorize`);
    url.search = new URLSearchParams({
      client_id: clientId,
      redirect_uri: REDIRECT_URI,
      response_type: 'code',
      state: 'state',
      scope: 'notes.read',
      resource: `${GATEWAY_URL}/mcp`,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }).toString();
    const code = await this.#visit(url).catch(() => undefined);
    if (code === undefined) return false;
    const answer = await this.#token({
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: REDIRECT_URI,
      resource: `${GATEWAY_URL}/mcp`,
    }).catch(() => undefined);
    return answer?.status === 200 && this.#keep(answer.body);
  }

  /** Refreshes again and again, `pauseMs` apart on average, until all is over. */
  async run(pauseMs: number): Promise<void> {
    const { isOver, random } = this.#surroundings;
    while (!isOver()) {
      await sleep(random() * 2 * pauseMs);
      if (this.#tokens) await this.refresh();
      else await this.signIn();
    }
  }

  /** Once, with the same token until somebody answers. @returns whether there was a next one */
  async refresh(): Promise<boolean> {
    const tokens = this.#tokens;
    if (!tokens) return false;
    for (;;) {
      const answer = await this.#token({ grant_type: 'refresh_token', refresh_token: tokens.refreshToken }).catch(
        () => undefined,
      );
      if (answer?.status === 200) {
        this.#refreshes += 1;
        return this.#keep(answer.body);
      }
      if (answer) return this.#refused(tokens.sid, answer);
      if (this.#surroundings.isOver()) return false;
      await sleep(AGAIN_MS);
    }
  }

  #refused(sid: string, { status, body }: { status: number; body: unknown }): false {
    const { error, error_description: description } = OAuthError.catch({ error: '', error_description: '' }).parse(
      body,
    );
    this.#surroundings.onRefusal({ sid, at: Date.now(), status, error, description });
    if (error === 'invalid_grant') this.#tokens = undefined;
    return false;
  }

  #keep(body: unknown): boolean {
    const tokens = Tokens.parse(body);
    const { sid } = z.object({ sid: z.string() }).parse(decodeJwt(tokens.access_token));
    this.#tokens = { sid, refreshToken: tokens.refresh_token };
    return true;
  }

  async #token(parameters: Readonly<Record<string, string>>): Promise<{ status: number; body: unknown }> {
    const { issuer, clientId } = this.#surroundings;
    const response = await fetch(`${issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: clientId, ...parameters }),
    });
    return { status: response.status, body: await response.json().catch(() => undefined) };
  }

  /** A new browser of the person, who signs in at their provider and agrees. @returns the code */
  async #visit(url: URL): Promise<string | undefined> {
    const { person, trustProvider } = this.#seat;
    const browser = new FormBrowser({ stopAt: ({ href }) => href.startsWith(REDIRECT_URI) });
    await browser.jar.setCookie(`${PERSON_COOKIE}=${person}; Path=/`, url.href);
    let landing: Landing = await browser.open(url);
    for (let seen = 0; landing.type === 'page' && seen < MAX_PAGES; seen++) {
      const { page } = landing;
      const button = page.forms
        .flatMap(({ buttons }) => buttons)
        .find(({ label }) => label === `Continue with ${trustProvider}` || label === 'Allow');
      if (!button) return undefined;
      landing = await browser.submit(page, { button });
    }
    return landing.type === 'stopped' ? (landing.url.searchParams.get('code') ?? undefined) : undefined;
  }
}
