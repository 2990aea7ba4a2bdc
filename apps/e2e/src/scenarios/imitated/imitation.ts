import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { FormBrowser } from '@sallyport/demo';
import { SignJWT, type CryptoKey } from 'jose';
import { Person } from '../../agents/person.js';
import { discover, initializeBody, type Discovered } from './discover.js';
import type { ImitatedAgent } from './imitated-agent.js';

export interface Tokens {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}
/** Where its documents are served in its stead, and the key it signs with. */
export interface Publisher {
  readonly publish: (document: Readonly<Record<string, unknown>>) => string;
  readonly key: CryptoKey;
}
/** What a person reads who is sent there and refused at once. */
export async function refusalAt(url: URL): Promise<string | undefined> {
  const landing = await new FormBrowser({ stopAt: () => false }).open(url);
  if (landing.type !== 'page' || landing.page.status < 400) return undefined;
  return `${landing.page.title} ${landing.page.text}`.replaceAll(/\s+/g, ' ');
}

interface Identity {
  readonly clientId: string;
  readonly secret: string | undefined;
  /** Of the answer to its registration. */
  readonly answer: Readonly<Record<string, unknown>>;
}

/** One agent of the table at work, from an address its user entered. */
export class Imitation {
  readonly #agent: ImitatedAgent;
  readonly #endpoint: string;
  readonly #publisher: Publisher;
  readonly #port: number;
  #discovered: Discovered | undefined;
  #identity: Identity | undefined;
  #verifier = '';

  constructor(agent: ImitatedAgent, place: { endpoint: string; publisher: Publisher; port: number }) {
    this.#agent = agent;
    this.#endpoint = place.endpoint;
    this.#publisher = place.publisher;
    this.#port = place.port;
  }

  get identity(): Identity {
    if (!this.#identity) throw new Error('it has not introduced itself');
    return this.#identity;
  }

  get redirectUri(): string {
    return this.#withPort(this.#agent.redirectUri);
  }

  /** Looks round, introduces itself, sends the person off and redeems the code. */
  async connect(): Promise<{ readonly tokens: Tokens } | { readonly page: string }> {
    this.#discovered = await discover(this.#agent, this.#endpoint);
    const isAnew = this.#agent.introduction.by === 'registration' && this.#agent.introduction.anew === true;
    if (!this.#identity || isAnew) await this.introduce();
    const state = randomBytes(16).toString('base64url');
    const url = this.authorizationUrl(this.identity.clientId, state);
    const refusal = await refusalAt(url);
    if (refusal !== undefined) return { page: refusal };
    const landing = await new Person('alice', { agentRedirectUri: this.redirectUri }).visit(url);
    if (landing.type !== 'stopped') throw new Error(`the sign-in ended on a page: ${landing.page.text}`);
    const answer = landing.url.searchParams;
    if (answer.get('state') !== state || answer.get('iss') !== this.#server.issuer)
      throw new Error(`a foreign answer: ${landing.url.href}`);
    return { tokens: await this.#redeem(answer.get('code') ?? '') };
  }

  async introduce(): Promise<void> {
    const { introduction } = this.#agent;
    if (introduction.by === 'registration') {
      const { status, body } = await this.#post(
        this.#server.registration_endpoint,
        JSON.stringify(this.#inPlace(introduction.body)),
        { 'content-type': 'application/json' },
      );
      if (status !== 201) throw new Error(`registration: ${status} ${JSON.stringify(body)}`);
      const secret = typeof body['client_secret'] === 'string' ? body['client_secret'] : undefined;
      this.#identity = { clientId: String(body['client_id']), secret, answer: body };
      return;
    }
    const { client_id_metadata_document_supported: isOffered, token_endpoint_auth_methods_supported: methods } =
      this.#server;
    if (isOffered !== true || !methods.includes('none')) throw new Error('it would not try its document here');
    this.#identity ??= {
      clientId: this.#publisher.publish(this.#inPlace(introduction.document)),
      secret: undefined,
      answer: {},
    };
  }

  authorizationUrl(clientId: string, state = 'state'): URL {
    this.#verifier = randomBytes(32).toString('base64url');
    const url = new URL(this.#server.authorization_endpoint);
    const { scope } = this;
    const parameters = {
      response_type: 'code',
      client_id: clientId,
      code_challenge: createHash('sha256').update(this.#verifier).digest('base64url'),
      code_challenge_method: 'S256',
      redirect_uri: this.redirectUri,
      state,
      ...(scope === undefined ? {} : { scope }),
      ...(this.#agent.resource.atAuthorize ? { resource: this.#resource } : {}),
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url;
  }

  /** What its authorization request asks for. */
  get scope(): string | undefined {
    const { scope } = this.#agent;
    if ('own' in scope) return scope.own;
    return scope.of === 'nobody' ? undefined : this.#server.scopes_supported.join(' ');
  }

  refresh(refreshToken: unknown, clientId = this.identity.clientId): Promise<Tokens> {
    const { withScope, withResource, more } = this.#agent.refresh;
    return this.#token(
      {
        grant_type: 'refresh_token',
        refresh_token: String(refreshToken),
        ...(withScope && this.scope !== undefined ? { scope: this.scope } : {}),
        ...(withResource ? { resource: this.#resource } : {}),
        ...more,
      },
      clientId,
    );
  }

  /** The names of the tools it sees. */
  async tools(accessToken: unknown): Promise<readonly string[]> {
    const opened = await this.#message(accessToken, initializeBody(this.#agent.revision), {});
    if (opened.message['result']?.['protocolVersion'] !== this.#agent.revision)
      throw new Error(`agreed on another revision: ${JSON.stringify(opened.message)}`);
    const session = opened.session === null ? {} : { 'mcp-session-id': opened.session };
    // The header came with 2025-06-18.
    const version = this.#agent.revision >= '2025-06-18' ? { 'mcp-protocol-version': this.#agent.revision } : {};
    const { message } = await this.#message(
      accessToken,
      { jsonrpc: '2.0', id: 2, method: 'tools/list' },
      { ...session, ...version },
    );
    return ((message['result']?.['tools'] ?? []) as { name: string }[]).map(({ name }) => name);
  }

  get #server() {
    if (!this.#discovered) throw new Error('it has not looked round');
    return this.#discovered.server;
  }

  get #resource(): string {
    return this.#discovered?.resource ?? this.#endpoint;
  }

  #redeem(code: string): Promise<Tokens> {
    const { atToken } = this.#agent.resource;
    return this.#token(
      {
        grant_type: 'authorization_code',
        code,
        redirect_uri: this.redirectUri,
        code_verifier: this.#verifier,
        ...(atToken ? { resource: this.#resource } : {}),
      },
      this.identity.clientId,
    );
  }

  async #token(parameters: Readonly<Record<string, string>>, clientId: string): Promise<Tokens> {
    const form = new URLSearchParams(parameters);
    const headers: Record<string, string> = {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    };
    const secret = this.identity.secret ?? '';
    if (this.#agent.authenticates === 'client_secret_basic')
      headers['authorization'] =
        `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`).toString('base64')}`;
    else form.set('client_id', clientId);
    if (this.#agent.authenticates === 'client_secret_post') form.set('client_secret', secret);
    if (this.#agent.authenticates === 'private_key_jwt') {
      form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
      form.set('client_assertion', await this.#assertion(clientId));
    }
    return this.#post(this.#server.token_endpoint, form.toString(), headers);
  }

  #assertion(clientId: string): Promise<string> {
    return new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'RS256', kid: 'imitated' })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(this.#server.issuer)
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(this.#publisher.key);
  }

  async #post(url: string, body: string, headers: Readonly<Record<string, string>>): Promise<Tokens> {
    const answer = await fetch(url, { method: 'POST', body, headers });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  async #message(accessToken: unknown, body: unknown, headers: Readonly<Record<string, string>>) {
    const answer = await fetch(this.#endpoint, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: {
        authorization: `Bearer ${String(accessToken)}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${answer.status} ${text}`);
    const json = answer.headers.get('content-type')?.startsWith('text/event-stream')
      ? (/^data: (.*)$/m.exec(text)?.[1] ?? '')
      : text;
    return {
      session: answer.headers.get('mcp-session-id'),
      message: JSON.parse(json) as Record<string, Record<string, unknown> | undefined>,
    };
  }

  #inPlace(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    return JSON.parse(this.#withPort(JSON.stringify(members))) as Record<string, unknown>;
  }

  #withPort(text: string): string {
    return text.replaceAll('{port}', String(this.#port));
  }
}
