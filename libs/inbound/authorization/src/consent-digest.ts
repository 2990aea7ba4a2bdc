import { createHash } from 'node:crypto';
import { agentName, type AgentRegistration } from './agent.js';
import { redirectHost } from './redirect-uri.js';

/**
 * Everything a person agreed to (security rule S3): who the agent says it is, where its answers go, how it proves
 * itself, what it may do. Any change makes another digest, and the consent page comes back.
 * @returns base64url SHA-256
 */
export function consentDigest(agent: AgentRegistration, redirectUri: string, scopes: Iterable<string>): string {
  const hosts = new Set([...agent.redirectUris, redirectUri].map(redirectHost));
  const agreed = ['v1', agent.clientId, agentName(agent), agent.clientUri ?? '', agent.authMethod, [...hosts].toSorted(), redirectHost(redirectUri), [...scopes].toSorted()];
  return createHash('sha256').update(JSON.stringify(agreed)).digest('base64url');
}
