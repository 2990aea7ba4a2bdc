import { createHash } from 'node:crypto';
import { agentName, type AgentRegistration } from './agent.js';
import { redirectHost } from './redirect-uri.js';

/**
 * Everything a person agreed to (S3): who the agent says it is, where its answers go, how it proves
 * itself, what it may do. Any change makes another digest, and the consent page comes back.
 * @returns base64url SHA-256
 */
export function consentDigest(agent: AgentRegistration, redirectUri: string, scopes: Iterable<string>): string {
  return digestOf(['v1', ...describe(agent, redirectUri), [...scopes].toSorted()]);
}

/** A digest of the agent and of where its answers go, without what it may do. */
export function registrationDigest(agent: AgentRegistration, redirectUri: string): string {
  return digestOf(['registration', ...describe(agent, redirectUri)]);
}

function describe(agent: AgentRegistration, redirectUri: string): unknown[] {
  const hosts = new Set([...agent.redirectUris, redirectUri].map(redirectHost));
  return [
    agent.clientId,
    agentName(agent),
    agent.clientUri ?? '',
    agent.authMethod,
    [...hosts].toSorted(),
    redirectHost(redirectUri),
  ];
}

const digestOf = (agreed: unknown): string => createHash('sha256').update(JSON.stringify(agreed)).digest('base64url');
