import type { JsonObject } from '@sallyport/mcp-relay';
import { legacyVersionFor, LEGACY_VERSIONS, MODERN_VERSIONS } from '../protocol/client-message.js';
import { resultAnswer } from '../protocol/exchange.js';
import { sealMcpSession } from '../session/mcp-session.js';
import type { StateSealer } from '../session/state-sealer.js';
import type { Perform } from './operation.js';

/** What the gateway calls itself. */
export interface Identity {
  readonly name: string;
  readonly version: string;
}

/**
 * The gateway advertises what it relays, and nothing else. Changes of lists have a channel in 2026-07-28 alone (`GET
 * /mcp` is not offered); changes of resources also travel in calls.
 */
const capabilities = { tools: {}, resources: { subscribe: true }, prompts: {}, completions: {}, logging: {} } as const;
const modernCapabilities = {
  ...capabilities,
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  extensions: { 'io.modelcontextprotocol/tasks': {} },
} as const;
const instructions =
  'Tools, resources and prompts of several servers behind one endpoint; names carry the server they belong to. ' +
  'A tool named <server>__connect gives the user a link to connect an account.';

const serverInfo = ({ name, version }: Identity) => ({ name, version, title: 'Sallyport' });

export const serverInfoMeta = (identity: Identity): JsonObject => ({
  'io.modelcontextprotocol/serverInfo': serverInfo(identity),
});

/** server/discover (2026-07-28). */
export function createDiscover({ identity }: { readonly identity: Identity }): Perform<'discover'> {
  const result = {
    resultType: 'complete',
    supportedVersions: [...MODERN_VERSIONS, ...LEGACY_VERSIONS],
    capabilities: modernCapabilities,
    instructions,
    ttlMs: 3_600_000,
    cacheScope: 'public',
    _meta: serverInfoMeta(identity),
  };
  return ({ request }) => resultAnswer(request.id, result);
}

export interface InitializeUses {
  readonly identity: Identity;
  readonly sealer: StateSealer;
}

/** initialize (2025-11-25 and older): what the client says here once is the session it gets the id of. */
export function createInitialize({ identity, sealer }: InitializeUses): Perform<'initialize'> {
  return ({ request, caller, now, notes }, { requestedVersion }) => {
    const version = legacyVersionFor(requestedVersion);
    notes.asked({ protocolVersion: version });
    const sessionId = sealMcpSession(sealer, caller, { version, abilities: request.abilities }, now);
    const result = { protocolVersion: version, capabilities, instructions, serverInfo: serverInfo(identity) };
    return resultAnswer(request.id, result, { 'mcp-session-id': sessionId });
  };
}
