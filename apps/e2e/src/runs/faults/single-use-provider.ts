import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** One time a refresh token was shown to the provider. */
export interface Presentation {
  /** When it arrived, milliseconds since the epoch. */
  readonly at: number;
  /**
   * `repeated`: spent before, answered with the same successor. `mistaken`: called `invalid_grant` although it was
   * good.
   */
  readonly outcome: 'granted' | 'repeated' | 'refused' | 'mistaken' | 'unavailable';
  /**
   * The answer never came: the connection was cut, a proxy answered 502 in its place, or nobody waited for it any
   * more.
   */
  isAnswerCut: boolean;
}

/** One refresh token as the provider knows it; its log is the chain of these. */
export interface IssuedToken {
  readonly digest: string;
  /** Of the access token that was issued with it. */
  readonly accessDigest: string;
  readonly owner: string;
  /** What it was exchanged for; `undefined` while it is good. */
  successor: IssuedToken | undefined;
  presentations: Presentation[];
}

export interface SingleUseProvider {
  readonly origin: string;
  readonly clientId: string;
  /** By digest of the refresh token. */
  readonly log: ReadonlyMap<string, IssuedToken>;
  /** A first grant, as the connect flow would have left it. */
  grant(owner: string): { readonly refreshToken: string; readonly accessToken: string };
  /** Nothing of that owner is granted any more. */
  end(owner: string): void;
  /** Owners whose grant ended because a spent token was presented again. */
  readonly reused: ReadonlySet<string>;
  readonly behaviour: Behaviour;
  stop(): Promise<void>;
}

/** How a provider misbehaves, as shares of the presentations; changed while it runs. */
export interface Behaviour {
  maxDelayMs: number;
  /** Answers that are cut. */
  lostShare: number;
  /** Answers that a proxy makes a 502 of. */
  maskedShare: number;
  /** Answers that take seconds, perhaps longer than we wait. */
  slowShare: number;
  unavailableShare: number;
  mistakenShare: number;
  accessTokenSeconds: number;
}

/** What a provider answers besides refreshes. */
export interface FurtherAnswers {
  /** Undefined for what is not there. */
  readonly page?: (url: URL, request: IncomingMessage) => Promise<ProviderAnswer | undefined>;
  /** Whose grant a token request of another grant type begins; undefined for one that is refused. */
  readonly begin?: (form: URLSearchParams) => string | undefined;
  /** Members of a token answer besides the tokens. */
  readonly members?: (owner: string) => Promise<Readonly<Record<string, unknown>>>;
}
export interface ProviderAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const CLIENT_ID = 'sallyport-faults';

export const digestOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** Longer than we ask again at once after, and up to longer than we wait. */
const SLOW_MS = { from: 4_000, to: 12_000 };

/**
 * An authorization server with refresh tokens that are good once. A repeat within `graceMs` is answered with the same
 * successor; a later one ends the whole grant. Now and then it calls a good token `invalid_grant`, each at most once,
 * as one does whose replica has not heard of it yet.
 */
export async function startSingleUseProvider({
  graceMs,
  random,
  accessTokenSeconds,
  jwks,
  further = {},
}: {
  graceMs: number;
  random: () => number;
  accessTokenSeconds: number;
  /** Published at `/jwks`, for tokens of agents. */
  jwks?: object;
  further?: FurtherAnswers;
}): Promise<SingleUseProvider> {
  const behaviour: Behaviour = {
    maxDelayMs: 150,
    lostShare: 0.05,
    maskedShare: 0,
    slowShare: 0,
    unavailableShare: 0.05,
    mistakenShare: 0.02,
    accessTokenSeconds,
  };
  const tokens = new SingleUseTokens({ graceMs, random, behaviour });
  const tokenAnswer = tokenEndpoint({ tokens, behaviour, random, further });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<ProviderAnswer> => {
    const url = new URL(request.url ?? '', 'http://provider.test');
    const page = await further.page?.(url, request);
    if (page) return page;
    if (url.pathname === '/jwks' && jwks) return { status: 200, body: jwks };
    return tokenAnswer(request, response);
  };

  const server = createServer((request, response) => {
    answer(request, response).then(
      ({ status, headers, body }) => {
        if (response.destroyed) return;
        response
          .writeHead(status, { 'content-type': 'application/json', ...headers })
          .end(body === undefined ? undefined : JSON.stringify(body));
      },
      () => void request.socket.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    clientId: CLIENT_ID,
    log: tokens.log,
    grant: (owner) => tokens.secretsOf(tokens.issue(owner)),
    end: (owner) => tokens.end(owner),
    reused: tokens.reused,
    behaviour,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers token requests (RFC 6749 section 3.2), with the faults of the moment. */
function tokenEndpoint({
  tokens,
  behaviour,
  random,
  further,
}: {
  tokens: SingleUseTokens;
  behaviour: Behaviour;
  random: () => number;
  further: FurtherAnswers;
}): (request: IncomingMessage, response: ServerResponse) => Promise<ProviderAnswer> {
  const delay = () => sleep(2 + random() * behaviour.maxDelayMs);

  const granted = async (token: IssuedToken): Promise<ProviderAnswer> => {
    const { accessToken, refreshToken } = tokens.secretsOf(token);
    const body = {
      access_token: accessToken,
      token_type: 'Bearer',
      refresh_token: refreshToken,
      expires_in: behaviour.accessTokenSeconds,
      ...(await further.members?.(token.owner)),
    };
    return { status: 200, body };
  };
  const refresh = async (presented: IssuedToken, at: number, response: ServerResponse): Promise<ProviderAnswer> => {
    await delay();
    const fault = faultOf(random(), behaviour);
    const outcome = fault === 'unavailable' ? fault : tokens.exchange(presented);
    const presentation = { at, outcome, isAnswerCut: fault === 'lost' || fault === 'masked' };
    presented.presentations.push(presentation);
    if (fault === 'lost') response.destroy();
    if (fault === 'masked') return { status: 502, body: 'Bad gateway' };
    await (fault === 'slow' ? sleep(SLOW_MS.from + random() * (SLOW_MS.to - SLOW_MS.from)) : delay());
    if (response.destroyed) presentation.isAnswerCut = true;
    if (outcome === 'unavailable') return { status: 503, body: {} };
    const next = outcome === 'granted' || outcome === 'repeated' ? presented.successor : undefined;
    return next ? granted(next) : { status: 400, body: { error: 'invalid_grant' } };
  };
  return async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
    const at = Date.now();
    const form = new URLSearchParams(body);
    if (form.get('client_id') !== CLIENT_ID) return { status: 400, body: { error: 'invalid_client' } };
    if (form.get('grant_type') !== 'refresh_token') {
      const owner = further.begin?.(form);
      return owner === undefined ? { status: 400, body: { error: 'invalid_grant' } } : granted(tokens.issue(owner));
    }
    const presented = tokens.log.get(digestOf(form.get('refresh_token') ?? ''));
    return presented ? refresh(presented, at, response) : { status: 400, body: { error: 'invalid_request' } };
  };
}

/** What befalls a presentation, by a draw from 0 to 1. */
function faultOf(
  draw: number,
  { unavailableShare, lostShare, maskedShare, slowShare }: Behaviour,
): 'unavailable' | 'lost' | 'masked' | 'slow' | undefined {
  let below = 0;
  for (const [fault, share] of [
    ['unavailable', unavailableShare],
    ['lost', lostShare],
    ['masked', maskedShare],
    ['slow', slowShare],
  ] as const)
    if (draw < (below += share)) return fault;
  return undefined;
}

/** The tokens a provider knows, and what it does when it is shown one. */
class SingleUseTokens {
  readonly log = new Map<string, IssuedToken>();
  readonly reused = new Set<string>();
  readonly #graceMs: number;
  readonly #random: () => number;
  readonly #behaviour: Behaviour;
  readonly #secrets = new Map<IssuedToken, { refreshToken: string; accessToken: string }>();
  readonly #spentAt = new Map<IssuedToken, number>();
  readonly #mistaken = new Set<IssuedToken>();
  readonly #ended = new Set<string>();

  constructor({ graceMs, random, behaviour }: { graceMs: number; random: () => number; behaviour: Behaviour }) {
    this.#graceMs = graceMs;
    this.#random = random;
    this.#behaviour = behaviour;
  }

  issue(owner: string): IssuedToken {
    const secrets = {
      refreshToken: `refresh-${randomBytes(24).toString('base64url')}`,
      accessToken: `access-${randomBytes(24).toString('base64url')}`,
    };
    const issued: IssuedToken = {
      digest: digestOf(secrets.refreshToken),
      accessDigest: digestOf(secrets.accessToken),
      owner,
      successor: undefined,
      presentations: [],
    };
    this.log.set(issued.digest, issued);
    this.#secrets.set(issued, secrets);
    return issued;
  }

  secretsOf(token: IssuedToken): { readonly refreshToken: string; readonly accessToken: string } {
    return this.#secrets.get(token) ?? { refreshToken: '', accessToken: '' };
  }

  end(owner: string): void {
    this.#ended.add(owner);
  }

  exchange(presented: IssuedToken): Presentation['outcome'] {
    if (this.#ended.has(presented.owner)) return 'refused';
    if (presented.successor) {
      if (Date.now() - (this.#spentAt.get(presented) ?? 0) <= this.#graceMs) return 'repeated';
      this.reused.add(presented.owner);
      this.end(presented.owner);
      return 'refused';
    }
    if (!this.#mistaken.has(presented) && this.#random() < this.#behaviour.mistakenShare) {
      this.#mistaken.add(presented);
      return 'mistaken';
    }
    presented.successor = this.issue(presented.owner);
    this.#spentAt.set(presented, Date.now());
    return 'granted';
  }
}
