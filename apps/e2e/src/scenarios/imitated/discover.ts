import { z } from 'zod';
import type { ImitatedAgent } from './imitated-agent.js';

/** What an agent knows once it has looked round. */
export interface Discovered {
  /** What its requests name as `resource`. */
  readonly resource: string;
  readonly server: ServerMetadata;
}
const ServerMetadata = z.object({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  registration_endpoint: z.url(),
  scopes_supported: z.array(z.string()),
  token_endpoint_auth_methods_supported: z.array(z.string()),
  client_id_metadata_document_supported: z.boolean().optional(),
});
export type ServerMetadata = z.infer<typeof ServerMetadata>;
const ResourceMetadata = z.object({ resource: z.string(), authorization_servers: z.array(z.string()).min(1) });

export const initializeBody = (revision: string) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: revision, capabilities: {}, clientInfo: { name: 'imitated', version: '1.0.0' } },
});

/**
 * From the address its user entered to the authorization server, as this agent does it.
 * @throws Error with what it would stop at
 */
export async function discover(agent: ImitatedAgent, endpoint: string): Promise<Discovered> {
  const challenge = await firstRequest(agent, endpoint);
  const { origin, pathname } = new URL(endpoint);
  const places = {
    challenge: /resource_metadata="([^"]+)"/.exec(challenge)?.[1],
    path: `${origin}/.well-known/oauth-protected-resource${pathname}`,
    root: `${origin}/.well-known/oauth-protected-resource`,
  };
  const described = await firstFound(agent.resourceMetadata.map((place) => places[place]));
  // One of 2025-03-26 takes the origin of the server for its authorization server.
  const isOlder = agent.resourceMetadata.length === 0;
  const {
    resource,
    authorization_servers: [issuer = ''],
  } = isOlder ? { resource: endpoint, authorization_servers: [origin] } : ResourceMetadata.parse(described);
  if (!isOlder && !isAlike(agent.compares, resource, endpoint))
    throw new Error(`the metadata is of another resource: ${resource}`);
  const wellKnown = { oauth: 'oauth-authorization-server', openid: 'openid-configuration' };
  const server = ServerMetadata.parse(
    await firstFound(agent.serverMetadata.map((kind) => `${issuer}/.well-known/${wellKnown[kind]}`)),
  );
  if (agent.checksIssuer && server.issuer !== issuer)
    throw new Error(`the metadata is of another issuer: ${server.issuer}`);
  return { resource, server };
}

async function firstRequest(
  { first = { method: 'POST' }, revision }: ImitatedAgent,
  endpoint: string,
): Promise<string> {
  const isPost = first.method === 'POST';
  const answer = await fetch(endpoint, {
    method: first.method,
    headers: {
      accept: 'application/json, text/event-stream',
      ...(isPost ? { 'content-type': 'application/json' } : {}),
      ...first.headers,
    },
    ...(isPost ? { body: JSON.stringify(initializeBody(revision)) } : {}),
  });
  await answer.body?.cancel();
  const challenge = answer.headers.get('www-authenticate');
  if (answer.status !== 401 || challenge === null)
    throw new Error(`${first.method} ${endpoint}: ${answer.status} without a challenge`);
  return challenge;
}

async function firstFound(urls: readonly (string | undefined)[]): Promise<unknown> {
  for (const url of urls) {
    if (url === undefined) continue;
    const answer = await fetch(url, { headers: { accept: 'application/json', 'mcp-protocol-version': '2025-11-25' } });
    if (answer.ok) return await answer.json();
    await answer.body?.cancel();
  }
  return undefined;
}

function isAlike(compares: ImitatedAgent['compares'], resource: string, endpoint: string): boolean {
  switch (compares) {
    case 'exactly':
      return resource === endpoint;
    case 'as URLs':
      return new URL(resource).href === new URL(endpoint).href;
    case 'as a prefix':
      return `${new URL(endpoint).href}/`.startsWith(`${new URL(resource).href.replace(/\/$/, '')}/`);
    case 'not at all':
      return true;
  }
}
