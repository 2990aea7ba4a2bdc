import { Document } from '@sallyport/configuration';
import { eventually } from '@sallyport/testing';
import { scriptMcp, startScriptedServer } from '@sallyport/testing/servers';
import type { McpScript, ScriptedServer } from '@sallyport/testing/servers';
import type { GatewayAdapters, GatewayConfig } from '../../index.js';
import { modernRequest, postByHand } from './by-hand.js';
import { startGatewayWorld, testUser } from './gateway-world.js';
import type { GatewayWorld, Leasing } from './gateway-world.js';

/** It loses its sessions when `forget` is called. */
export type ScriptedMcpServer = ScriptedServer & { forget(): void };

export interface ScriptedWorld<N extends string> extends GatewayWorld {
  readonly servers: Readonly<Record<N, ScriptedMcpServer>>;
  /** Of somebody who may use everything. */
  readonly someone: string;
  /** A client of 2025-11-25 with a session of its own. */
  legacyClient(): Promise<{ send(body: unknown): ReturnType<typeof postByHand> }>;
  /** Another server, which the gateway knows when this resolves. Nobody has asked it anything then. */
  add(name: string, script: McpScript): Promise<ScriptedMcpServer>;
  /** Takes such a server out of the configuration and ends it: when the next one is known, this one is not any more. */
  remove(name: string): Promise<void>;
}

const start = async (mcp: McpScript): Promise<ScriptedMcpServer> => {
  const { script, forget } = scriptMcp(mcp);
  return { ...(await startScriptedServer(script)), forget };
};

/** Everybody may use everything of it, without a credential. */
const documentsOf = (name: string, url: string, rules: { readonly when?: string }) =>
  [
    { kind: 'McpServer', name, spec: { url, timeout: '5s' } },
    { kind: 'CredentialProvider', name, spec: { type: 'none', server: name } },
    {
      kind: 'AccessPolicy',
      name,
      spec: {
        hop: 'gateway-to-server',
        server: name,
        credentialProvider: name,
        tools: [{ match: ['*'] }],
        prompts: [{ match: ['*'] }],
        resources: [{ match: ['note://**'] }],
        ...rules,
      },
    },
  ].map((document) => Document.parse(document));

const granted: Leasing = () => ({
  type: 'granted',
  headers: {},
  connectionId: null,
  connectionRevision: 1,
  expiresInSeconds: 600,
});

/** A gateway before servers that do as they are told; everybody may use everything, without a credential. */
export async function startScriptedWorld<N extends string>(
  scripts: Readonly<Record<N, McpScript>>,
  {
    overrides = {},
    when,
    allow = [{ host: '127.0.0.1', http: true }],
    addresses = {},
    leasing = granted,
    metrics,
  }: {
    metrics?: GatewayAdapters['metrics'];
    leasing?: Leasing;
    overrides?: Partial<GatewayConfig>;
    when?: string;
    /** Of `OutboundNetwork`. */ allow?: readonly object[];
    /** What documents say, where that is not where the server is. */ addresses?: Partial<Record<NoInfer<N>, string>>;
  } = {},
): Promise<ScriptedWorld<N>> {
  const names = Object.keys(scripts) as N[];
  const running = new Map<string, ScriptedMcpServer>();
  await Promise.all(names.map(async (name) => running.set(name, await start(scripts[name]))));
  const servers = Object.fromEntries(running) as Record<N, ScriptedMcpServer>;
  const urlOf = (name: N): string => addresses[name] ?? servers[name].url;
  const rules = when === undefined ? {} : { when };
  const world = await startGatewayWorld(
    [
      Document.parse({ kind: 'OutboundNetwork', name: 'default', spec: { allow } }),
      Document.parse({ kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } }),
      ...names.flatMap((name) => documentsOf(name, urlOf(name), rules)),
    ],
    overrides,
    metrics === undefined ? {} : { metrics },
  );
  world.leasing = leasing;
  const someone = await world.token(testUser('someone'));
  return {
    ...world,
    servers,
    someone,
    async legacyClient() {
      const accept = { accept: 'application/json, text/event-stream' };
      const opened = await postByHand(world.url, someone, {
        headers: accept,
        body: {
          jsonrpc: '2.0',
          id: 1,
          method: 'initialize',
          params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
        },
      });
      const headers = {
        ...accept,
        'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
        'mcp-protocol-version': '2025-11-25',
      };
      return { send: (body) => postByHand(world.url, someone, { body, headers }) };
    },
    async add(name, script) {
      const server = await start(script);
      running.set(name, server);
      await world.change({ puts: documentsOf(name, server.url, rules) });
      const isKnown = async () =>
        (await postByHand(`${world.url}/${name}`, someone, modernRequest('server/discover'))).status === 200;
      await eventually(isKnown, { intervalMs: 5, until: `${name} is known` });
      return server;
    },
    async remove(name) {
      const server = running.get(name);
      if (server === undefined) return;
      running.delete(name);
      await world.change({ deletes: documentsOf(name, server.url, rules) });
      await server.close();
    },
    async close() {
      await world.close();
      await Promise.all([...running.values()].map((server) => server.close()));
    },
  };
}
