import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** One time a refresh token was shown to the provider. */
export interface Presentation {
  /** When it arrived, milliseconds since the epoch. */
  readonly at: number;
  /** `repeated`: spent before, answered with the same successor. `mistaken`: called `invalid_grant` although it was good. */
  readonly outcome: 'granted' | 'repeated' | 'refused' | 'mistaken' | 'unavailable';
  /** The connection was cut instead of answering. */
  readonly isAnswerCut: boolean;
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
  /** How it misbehaves; changed while it runs. */
  readonly behaviour: {
    maxDelayMs: number;
    lostShare: number;
    unavailableShare: number;
    mistakenShare: number;
    accessTokenSeconds: number;
  };
  stop(): Promise<void>;
}

const CLIENT_ID = 'sallyport-faults';

export const digestOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

/**
 * An authorization server with refresh tokens that are good once. A repeat within `graceMs` is answered with the same
 * successor; a later one ends the whole grant. Now and then it calls a good token `invalid_grant`, each at most once, as
 * one does whose replica has not heard of it yet. It also publishes `jwks`, for tokens of agents.
 */
export async function startSingleUseProvider({
  graceMs,
  random,
  accessTokenSeconds,
  jwks,
}: {
  graceMs: number;
  random: () => number;
  accessTokenSeconds: number;
  jwks: object;
}): Promise<SingleUseProvider> {
  const log = new Map<string, IssuedToken>();
  const secrets = new Map<IssuedToken, { refreshToken: string; accessToken: string }>();
  const spentAt = new Map<IssuedToken, number>();
  const mistaken = new Set<IssuedToken>();
  const ended = new Set<string>();
  const behaviour = {
    maxDelayMs: 150,
    lostShare: 0.05,
    unavailableShare: 0.05,
    mistakenShare: 0.02,
    accessTokenSeconds,
  };

  const issue = (owner: string): IssuedToken => {
    const secret = {
      refreshToken: `refresh-${randomBytes(24).toString('base64url')}`,
      accessToken: `access-${randomBytes(24).toString('base64url')}`,
    };
    const issued: IssuedToken = {
      digest: digestOf(secret.refreshToken),
      accessDigest: digestOf(secret.accessToken),
      owner,
      successor: undefined,
      presentations: [],
    };
    log.set(issued.digest, issued);
    secrets.set(issued, secret);
    return issued;
  };
  const exchange = (presented: IssuedToken): Presentation['outcome'] => {
    if (ended.has(presented.owner)) return 'refused';
    if (presented.successor) {
      if (Date.now() - (spentAt.get(presented) ?? 0) <= graceMs) return 'repeated';
      ended.add(presented.owner);
      return 'refused';
    }
    if (!mistaken.has(presented) && random() < behaviour.mistakenShare) {
      mistaken.add(presented);
      return 'mistaken';
    }
    presented.successor = issue(presented.owner);
    spentAt.set(presented, Date.now());
    return 'granted';
  };
  const delay = () => sleep(2 + random() * behaviour.maxDelayMs);
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const json = (status: number, value: unknown) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (request.url === '/jwks') return json(200, jwks);
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
    const at = Date.now();
    const form = new URLSearchParams(body);
    await delay();
    const presented =
      form.get('grant_type') === 'refresh_token' && form.get('client_id') === CLIENT_ID
        ? log.get(digestOf(form.get('refresh_token') ?? ''))
        : undefined;
    if (!presented) return json(400, { error: 'invalid_request' });
    const draw = random();
    const outcome = draw < behaviour.unavailableShare ? 'unavailable' : exchange(presented);
    const isAnswerCut = draw >= behaviour.unavailableShare && draw < behaviour.unavailableShare + behaviour.lostShare;
    presented.presentations.push({ at, outcome, isAnswerCut });
    if (isAnswerCut) return void request.socket.destroy();
    await delay();
    if (outcome === 'unavailable') return json(503, {});
    const next =
      outcome === 'granted' || outcome === 'repeated'
        ? presented.successor && secrets.get(presented.successor)
        : undefined;
    if (!next) return json(400, { error: 'invalid_grant' });
    json(200, {
      access_token: next.accessToken,
      token_type: 'Bearer',
      refresh_token: next.refreshToken,
      expires_in: behaviour.accessTokenSeconds,
    });
  };

  const server = createServer((request, response) => {
    answer(request, response).then(
      () => undefined,
      () => void request.socket.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    clientId: CLIENT_ID,
    log,
    grant: (owner) => secrets.get(issue(owner)) ?? { refreshToken: '', accessToken: '' },
    behaviour,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
