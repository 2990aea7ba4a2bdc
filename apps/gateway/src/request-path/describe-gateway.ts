import type { JsonObject } from '@sallyport/mcp-relay';
import { legacyVersionFor, LEGACY_VERSIONS, MODERN_VERSIONS } from '../inbound/client-message.js';
import type { RequestPath } from './request-path.js';

/** What we relay we advertise, and nothing else. Lists have a channel in 2026-07-28 alone (`GET /mcp` is not offered); resources also in calls. */
const capabilities = { tools: {}, resources: { subscribe: true }, prompts: {}, completions: {}, logging: {} } as const;
const modernCapabilities = {
  ...capabilities,
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  extensions: { 'io.modelcontextprotocol/tasks': {} },
} as const;
const instructions =
  'Tools, resources and prompts of several servers behind one endpoint; names carry the server they belong to. A tool named <server>__connect gives the user a link to connect an account.';

export const serverInfoMeta = ({ identity }: Pick<RequestPath, 'identity'>): JsonObject => ({
  'io.modelcontextprotocol/serverInfo': { name: identity.name, version: identity.version, title: 'Sallyport' },
});

export function discoverResult(path: Pick<RequestPath, 'identity'>): JsonObject {
  return {
    resultType: 'complete',
    supportedVersions: [...MODERN_VERSIONS, ...LEGACY_VERSIONS],
    capabilities: modernCapabilities,
    instructions,
    ttlMs: 3_600_000,
    cacheScope: 'public',
    _meta: serverInfoMeta(path),
  };
}

export function initializeResult(
  { identity }: Pick<RequestPath, 'identity'>,
  requestedVersion: string,
): JsonObject & { protocolVersion: string } {
  const protocolVersion = legacyVersionFor(requestedVersion);
  return {
    protocolVersion,
    capabilities,
    instructions,
    serverInfo: { name: identity.name, version: identity.version, title: 'Sallyport' },
  };
}
