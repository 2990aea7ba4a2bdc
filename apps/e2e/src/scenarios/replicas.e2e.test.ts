import { eventually } from '@sallyport/testing';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import pg from 'pg';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person, type PersonName } from '../agents/person.js';
import { administrator } from '../system/administrator.js';
import { startDistributed, type DistributedSystem } from '../system/start-distributed.js';

const DISCOVER = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'server/discover',
  params: {
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: 'replicas', version: '1' },
    },
  },
});

let system: DistributedSystem;
let database: pg.Client;
beforeAll(async () => {
  system = await startDistributed({ gateways: 3, authorizationServers: 2 });
  database = new pg.Client({ connectionString: system.databaseUrl.replace(/\?schema=.*$/, '') });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await system?.stop();
});

/** As a load balancer passes it on: to one replica, under the public name. */
async function call(gateway: string, token: string): Promise<number> {
  const headers = {
    host: new URL(system.gatewayUrl).host,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'server/discover',
    authorization: `Bearer ${token}`,
  };
  const response = await request(`${gateway}/mcp`, { method: 'POST', body: DISCOVER, headers });
  await response.body.dump();
  return response.statusCode;
}

async function refreshAt(authorizationServer: string, clientId: string, refreshToken: string) {
  const response = await fetch(`${authorizationServer}/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', client_id: clientId, refresh_token: refreshToken }),
  });
  return {
    status: response.status,
    body: (await response.json()) as { access_token?: string; refresh_token?: string; error?: string },
  };
}

const kidOf = (token: string): string => String(decodeProtectedHeader(token).kid);

class Session {
  #turn = 0;

  private constructor(
    readonly clientId: string,
    public token: string,
    public refreshToken: string,
  ) {}

  static async begin(name: PersonName): Promise<Session> {
    const agent = await connectModernAgent({
      gatewayUrl: system.gatewayUrl,
      name: 'Modern Agent',
      redirectUri: system.redirectUri,
      person: new Person(name, { agentRedirectUri: system.redirectUri }),
      clientMetadataUrl: system.clientMetadataUrl,
    });
    const [token, refreshToken] = [agent.token(), agent.refreshToken()];
    await agent.close();
    if (refreshToken === undefined) throw new Error('there is no refresh token');
    return new Session(String(decodeJwt(token)['client_id']), token, refreshToken);
  }

  /** At each authorization server in turn. @returns what went wrong, if anything */
  async refresh(): Promise<string | undefined> {
    const servers = system.authorizationServers;
    const { status, body } = await refreshAt(
      servers[this.#turn++ % servers.length] ?? '',
      this.clientId,
      this.refreshToken,
    );
    if (status !== 200) return `refresh: ${status} ${body.error}`;
    [this.token, this.refreshToken] = [body.access_token ?? '', body.refresh_token ?? ''];
    return undefined;
  }
}

const ROUNDS_PER_TOKEN = 15;

describe('three gateways and two authorization servers, a process each', () => {
  test('rotate under load without one failed verification, and a withdrawn key costs each session one refresh (B7, S5)', async () => {
    const admin = administrator(system);
    const sessions = await Promise.all((['alice', 'bob', 'admin'] as const).map((name) => Session.begin(name)));
    const failures: string[] = [];
    const seen = system.gateways.map(() => new Map<string, string>());
    let [verifications, loaded] = [0, true];
    let withdrawn = '';
    const work = async (session: Session): Promise<void> => {
      for (let round = 1; loaded; round++) {
        for (const [index, gateway] of system.gateways.entries()) {
          const { token } = session;
          const status = await call(gateway, token);
          verifications++;
          if (status === 200) seen[index]?.set(kidOf(token), token);
          else if (status !== 401 || kidOf(token) !== withdrawn)
            failures.push(`${gateway}: ${status} for ${kidOf(token)}`);
          else failures.push(...[await session.refresh()].filter((problem) => problem !== undefined));
        }
        if (round % ROUNDS_PER_TOKEN === 0)
          failures.push(...[await session.refresh()].filter((problem) => problem !== undefined));
      }
    };
    const load = Promise.all(sessions.map(work));
    const everywhere = (kid: string) =>
      eventually(() => failures.length > 0 || seen.every((kids) => kids.has(kid)), {
        timeoutMs: 30_000,
        until: `${kid} is accepted everywhere`,
      });
    const [first = ''] = sessions.map(({ token }) => kidOf(token));
    await everywhere(first);

    await admin.rotateSigningKeys({ purposes: ['access-token'], reason: 'test' });
    const second =
      (await admin.signingKeys()).find(({ purpose, state }) => purpose === 'access-token' && state === 'next')?.kid ??
      '';
    for (const server of system.authorizationServers) {
      await eventually(async () => JSON.stringify(await (await fetch(`${server}/jwks`)).json()).includes(second), {
        timeoutMs: 15_000,
        until: 'the next key is published',
      });
    }
    expect(seen.some((kids) => kids.has(second))).toBe(false);
    // Its notice is shortened, but not below the 5 s in which a gateway does not ask for the key set again.
    await database.query(`UPDATE "SigningKey" SET "signsFrom" = now() + interval '6 seconds' WHERE kid = $1`, [second]);
    await everywhere(second);
    expect(failures).toEqual([]);
    for (const [index, gateway] of system.gateways.entries())
      expect(await call(gateway, seen[index]?.get(first) ?? '')).toBe(200);
    const before = verifications;

    withdrawn = second;
    await admin.withdrawSigningKey({ kid: second, reason: 'test' });
    const answered = Date.now();
    for (const [index, gateway] of system.gateways.entries()) {
      await eventually(async () => (await call(gateway, seen[index]?.get(second) ?? '')) === 401, {
        timeoutMs: 1_000,
        until: 'a token of the withdrawn key is refused',
      });
    }
    expect(Date.now() - answered).toBeLessThan(1_000);
    await eventually(() => sessions.every(({ token }) => kidOf(token) !== second), {
      timeoutMs: 30_000,
      until: 'every session has refreshed',
    });
    const third =
      (await admin.signingKeys()).find(({ purpose, state }) => purpose === 'access-token' && state === 'active')?.kid ??
      '';
    await everywhere(third);
    for (const [index, gateway] of system.gateways.entries())
      expect(await call(gateway, seen[index]?.get(second) ?? '')).toBe(401);
    loaded = false;
    await load;
    expect(failures).toEqual([]);
    expect(new Set([first, second, third]).size).toBe(3);
    expect(before).toBeGreaterThan(100);
    const trail = (await admin.events({}))
      .filter(({ type }) => type.startsWith('signing_key.'))
      .map(({ type }) => type);
    expect(new Set(trail)).toEqual(
      new Set(['signing_key.created', 'signing_key.rotation_requested', 'signing_key.withdrawn']),
    );
  }, 150_000);

  test('tell many who present one refresh token at once the same successor, and later copies nothing, which ends nothing (S9, R48)', async () => {
    const session = await Session.begin('bob');
    const [one = '', other = ''] = system.authorizationServers;
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        refreshAt(index % 2 === 0 ? one : other, session.clientId, session.refreshToken),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
    const successors = new Set(answers.map(({ body }) => body.refresh_token));
    expect(successors.size).toBe(1);
    expect(new Set(answers.map(({ body }) => decodeJwt(body.access_token ?? '')['sid'])).size).toBe(1);

    await database.query(
      `UPDATE "OidcArtifact" SET "expiresAt" = now() - interval '1 second' WHERE kind = 'RefreshTokenSuccessor'`,
    ); // no repeat any more
    const late = await Promise.all(
      [one, other].map((server) => refreshAt(server, session.clientId, session.refreshToken)),
    );
    expect(late.map(({ body }) => body.error)).toEqual(['invalid_grant', 'invalid_grant']);
    let newest = [...successors][0] ?? '';
    for (const server of [other, one])
      newest = (await refreshAt(server, session.clientId, newest)).body.refresh_token ?? '';
    expect(newest).not.toBe('');
    expect(
      await Promise.all(system.gateways.map((gateway) => call(gateway, answers[0]?.body.access_token ?? ''))),
    ).toEqual(system.gateways.map(() => 200));
  });
});
