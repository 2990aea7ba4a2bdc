import { Document } from '@sallyport/configuration';
import type { DocumentOf } from '@sallyport/configuration';
import { PostgresConnectionStore } from '@sallyport/connection-store';
import { storeGrant } from '@sallyport/connection';
import { connectDatabase, type Database } from '@sallyport/database';
import { newId } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadMasterKey, Sealer } from '@sallyport/keys';
import { Pool } from 'undici';
import { z } from 'zod';
import { serversConfiguration } from '../../system/servers-configuration.js';
import { AGENT, signedTokens } from '../../system/signed-tokens.js';
import { startDistributed } from '../../system/start-distributed.js';
import { startTaggedServers } from './tagged-servers.js';

export interface IsolationOptions {
  readonly users: number;
  readonly servers: number;
  /** Tool calls that reach the servers, at least. */
  readonly calls: number;
  readonly onProgress?: (line: string) => void;
}

export interface IsolationReport {
  readonly calls: number;
  readonly lists: number;
  /** Credentials that were replaced while calls ran. */
  readonly refreshes: number;
  /** Calls that got no result, for a credential that was being replaced, for instance. */
  readonly unanswered: number;
  readonly problems: readonly string[];
}

const CONCURRENCY = 32;
/** Short, so that hundreds are refreshed while a run lasts. */
const TOKEN_SECONDS = 40;
/** About so many times a run, servers stop taking some of the good ones. */
const REJECTIONS = 20;
const REJECTED_SHARE = 0.03;
const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'isolation', version: '1.0.0' },
};

const Answer = z.object({
  result: z
    .object({
      isError: z.boolean().optional(),
      content: z.array(z.object({ text: z.string() })).optional(),
      tools: z.array(z.object({ name: z.string(), description: z.string() })).optional(),
    })
    .optional(),
});

/**
 * Many users call many servers at once through two gateways, while their credentials are refreshed by schedule and
 * after refusals. Every token says to its server whose it is, and every answer to its agent: none may meet another's
 * (R34).
 */
export async function isolationUnderLoad({
  users: userCount,
  servers: serverCount,
  calls,
  onProgress = () => undefined,
}: IsolationOptions): Promise<IsolationReport> {
  const random = Math.random;
  const servers = Array.from({ length: serverCount }, (_, index) => `server-${index + 1}`);
  const tagged = await startTaggedServers({ tokenSeconds: TOKEN_SECONDS, random });
  const system = await startDistributed({
    gateways: 2,
    logLevel: 'info',
    configure: (demo) =>
      serversConfiguration(
        servers.map((name) => ({
          name,
          url: tagged.urlOf(name),
          credential: 'mcp-user-oauth',
          client: { issuer: tagged.origin, clientId: tagged.clientId },
        })),
        demo,
      ),
  });
  const database = connectDatabase(system.databaseUrl);
  const pools = system.gateways.map((url) => new Pool(url, { connections: CONCURRENCY, pipelining: 1 }));
  try {
    const sealer = new Sealer(loadMasterKey((await ensureDeploymentKeys(system.keys, { gateways: [] })).master));
    const users = Array.from({ length: userCount }, () => newId('usr'));
    await connectAll({ database, sealer, users, servers, tagged });
    const tokens = await signedTokens(users, {
      database,
      sealer,
      issuer: system.issuer,
      audience: `${system.gatewayUrl}/mcp`,
    });
    onProgress(`${users.length} users are connected to ${servers.length} servers`);

    const problems: string[] = [];
    let unanswered = 0;
    const { host } = new URL(system.gatewayUrl);
    const ask = async (
      user: string,
      method: string,
      params: Record<string, unknown>,
      headers: Record<string, string>,
    ) => {
      const pool = pools[Math.floor(random() * pools.length)];
      const response = await pool?.request({
        method: 'POST',
        path: '/mcp',
        headers: {
          host,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2026-07-28',
          'mcp-method': method,
          authorization: `Bearer ${tokens.get(user) ?? ''}`,
          ...headers,
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: META } }),
      });
      const answer = Answer.safeParse(await response?.body.json());
      return answer.success && answer.data.result?.isError !== true ? answer.data.result : undefined;
    };
    const callOne = async (user: string, server: string): Promise<void> => {
      const name = `${server}__whose`;
      const said = (await ask(user, 'tools/call', { name, arguments: { user } }, { 'mcp-name': name }))?.content?.[0]
        ?.text;
      if (said === undefined) unanswered += 1;
      else if (said !== `${user} at ${server}`) problems.push(`${user} was answered with what belongs to ${said}`);
    };
    const listAll = async (user: string): Promise<void> => {
      for (const { name, description } of (await ask(user, 'tools/list', {}, {}))?.tools ?? []) {
        const server = name.replace(/__whose$/, '');
        if (name.endsWith('__whose') && description !== `${user} at ${server}`)
          problems.push(`${user} was shown ${name} of ${description}`);
      }
    };
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    let told = 0;
    const work = async (): Promise<void> => {
      while (tagged.counts.calls < calls && problems.length < 10) {
        await (random() < 0.02 ? listAll(pick(users)) : callOne(pick(users), pick(servers)));
        if (random() < REJECTIONS / calls) tagged.reject(REJECTED_SHARE);
        if (tagged.counts.calls >= told + 10_000)
          onProgress(`${(told = tagged.counts.calls)} calls, ${tagged.counts.refreshes} refreshes`);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    return { ...tagged.counts, unanswered, problems: [...problems, ...tagged.problems] };
  } finally {
    await Promise.all(pools.map((pool) => pool.close()));
    await database.$disconnect();
    await system.stop();
    await tagged.stop();
  }
}

/** As the connect flow leaves it, hundreds of times. */
async function connectAll({
  database,
  sealer,
  users,
  servers,
  tagged,
}: {
  database: Database;
  sealer: Sealer;
  users: readonly string[];
  servers: readonly string[];
  tagged: Awaited<ReturnType<typeof startTaggedServers>>;
}): Promise<void> {
  const store = new PostgresConnectionStore(database);
  const document = async <K extends 'McpServer' | 'CredentialProvider'>(kind: K, name: string) => {
    const { spec } = await database.configurationDocument.findUniqueOrThrow({ where: { kind_name: { kind, name } } });
    return Document.parse({ kind, name, spec }) as DocumentOf<K>;
  };
  const client = {
    issuer: tagged.origin,
    clientId: tagged.clientId,
    clientSecret: null,
    authentication: 'none',
  } as const;
  for (const name of servers) {
    const target = {
      server: await document('McpServer', name),
      provider: await document('CredentialProvider', `${name}-credential`),
    };
    for (const userId of users) {
      await storeGrant(
        {
          userId,
          target,
          resource: tagged.urlOf(name),
          tokenEndpoint: `${tagged.origin}/token`,
          revocationEndpoint: null,
          client,
          requestedScopes: [],
          tokens: { ...tagged.grant(userId, name), scopes: null },
        },
        { store, vault: sealer, clock: Date.now, random: Math.random },
      );
    }
  }
  await database.connectionConsent.createMany({
    data: users.flatMap((userId) => servers.map((server) => ({ userId, clientId: AGENT, server }))),
  });
}
