import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** One refresh token as the provider knows it; its log is the tree of these. */
export interface IssuedToken {
  readonly value: string;
  readonly owner: string;
  readonly accessToken: string;
  /** What it was exchanged for; `undefined` while it is good. */
  successor: IssuedToken | undefined;
  spentAt: number;
  /** The answer with the successor was cut on purpose. */
  isAnswerLost: boolean;
  /** Times it was presented after it had been spent, milliseconds since the epoch. */
  readonly replays: number[];
}

export interface SingleUseProvider {
  readonly origin: string;
  readonly clientId: string;
  readonly log: ReadonlyMap<string, IssuedToken>;
  /** Of an access token. */
  ownerOf(accessToken: string): string | undefined;
  /** A first grant, as the connect flow would have left it. */
  grant(owner: string): IssuedToken;
  /** Requests it is working on. */
  inFlight(): number;
  /** How it misbehaves; changed while it runs. */
  readonly behaviour: { maxDelayMs: number; lostShare: number; unavailableShare: number; accessTokenSeconds: number };
  stop(): Promise<void>;
}

const CLIENT_ID = 'sallyport-faults';

/**
 * An authorization server with refresh tokens that are good once. A replay within `graceMs` is answered with the same
 * successor; a later one ends the whole grant. It also publishes `jwks`, for tokens of agents.
 */
export async function startSingleUseProvider({ graceMs, random, jwks }: { graceMs: number; random: () => number; jwks: object }): Promise<SingleUseProvider> {
  const log = new Map<string, IssuedToken>();
  const owners = new Map<string, string>();
  const ended = new Set<string>();
  const behaviour = { maxDelayMs: 150, lostShare: 0.05, unavailableShare: 0.05, accessTokenSeconds: 4 };
  let inFlight = 0;

  const issue = (owner: string): IssuedToken => {
    const issued: IssuedToken = { value: `refresh-${randomBytes(24).toString('base64url')}`, owner, accessToken: `access-${randomBytes(24).toString('base64url')}`, successor: undefined, spentAt: 0, isAnswerLost: false, replays: [] };
    log.set(issued.value, issued);
    owners.set(issued.accessToken, owner);
    return issued;
  };
  const exchange = (presented: IssuedToken): IssuedToken | undefined => {
    if (ended.has(presented.owner)) return undefined;
    if (!presented.successor) {
      presented.successor = issue(presented.owner);
      presented.spentAt = Date.now();
      return presented.successor;
    }
    presented.replays.push(Date.now());
    if (Date.now() - presented.spentAt <= graceMs) return presented.successor;
    ended.add(presented.owner);
    return undefined;
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const json = (status: number, value: unknown) => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (request.url === '/jwks') return json(200, jwks);
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
    const form = new URLSearchParams(body);
    await sleep(random() * behaviour.maxDelayMs);
    const draw = random();
    if (draw < behaviour.unavailableShare) return json(503, {});
    const presented = form.get('grant_type') === 'refresh_token' && form.get('client_id') === CLIENT_ID ? log.get(form.get('refresh_token') ?? '') : undefined;
    const wasGood = presented !== undefined && presented.successor === undefined;
    const next = presented && exchange(presented);
    if (draw < behaviour.unavailableShare + behaviour.lostShare) {
      if (presented && wasGood) presented.isAnswerLost = true;
      request.socket.destroy();
      return;
    }
    await sleep(random() * behaviour.maxDelayMs);
    if (!next) return json(400, { error: 'invalid_grant' });
    json(200, { access_token: next.accessToken, token_type: 'Bearer', refresh_token: next.value, expires_in: behaviour.accessTokenSeconds });
  };

  const server = createServer((request, response) => {
    inFlight += 1;
    answer(request, response).then(() => undefined, () => void request.socket.destroy()).finally(() => (inFlight -= 1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    clientId: CLIENT_ID,
    log,
    ownerOf: (accessToken) => owners.get(accessToken),
    grant: issue,
    inFlight: () => inFlight,
    behaviour,
    stop: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}
