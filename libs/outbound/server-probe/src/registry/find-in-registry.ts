import { isErrorOf } from '@sallyport/kernel';
import { createSafeFetch } from '@sallyport/safe-fetch';
import { EXCHANGE_MS, USER_AGENT } from '../probe/probe-network.js';
import type { ProbeOptions } from '../probe/probe-server.js';
import { readServerJson } from './server-json.js';
import type { ReadEntry } from './server-json.js';

/** The official registry. */
export const MCP_REGISTRY = 'https://registry.modelcontextprotocol.io';

/**
 * Finds the latest version of a server in an MCP registry, by its name (`GET
 * /v0.1/servers/{serverName}/versions/latest`).
 * @param registry as somebody typed it; by plain http or on a private network only because they did
 */
export async function findInRegistry(
  name: string,
  {
    registry = MCP_REGISTRY,
    ...network
  }: { readonly registry?: string } & Pick<ProbeOptions, 'proxy' | 'extraCertificateAuthorities'> = {},
): Promise<ReadEntry> {
  const base = new URL(registry);
  const isPlain = base.protocol === 'http:';
  const ports = [base.port === '' ? (isPlain ? 80 : 443) : Number(base.port)];
  const { proxy, extraCertificateAuthorities = [] } = network;
  const fetch = createSafeFetch({
    allow: registry === MCP_REGISTRY ? [] : [{ host: base.hostname, ports, http: isPlain }],
    userAgent: USER_AGENT,
    timeoutMs: EXCHANGE_MS,
    proxy,
    extraCertificateAuthorities,
  });
  const path = `/v0.1/servers/${encodeURIComponent(name)}/versions/latest`;
  const address = `${registry.replace(/\/$/, '')}${path}`;
  try {
    const answer = await fetch(address, { headers: { accept: 'application/json' } });
    if (answer.status === 404) return missing(name, base.host);
    if (answer.status !== 200) return unanswered(base.host, `it answers HTTP ${answer.status}`);
    return readServerJson(await answer.text(), `the registry at ${base.host}`);
  } catch (error) {
    if (!isErrorOf(error, 'outbound_')) throw error;
    return unanswered(base.host, error.message);
  }
}

const missing = (name: string, host: string): ReadEntry => ({
  type: 'unusable',
  why: {
    what: `the registry at ${host} has no server "${name.slice(0, 200)}"`,
    move: 'you',
    todo: 'Names look like `io.github.owner/server`. Check it, or give the address of the server.',
  },
});

const unanswered = (host: string, why: string): ReadEntry => ({
  type: 'unusable',
  why: {
    what: `the registry at ${host} could not be asked: ${why}`,
    move: 'nobody',
    todo: 'Run this again later, or give a file with --server-json or the address of the server.',
  },
});
