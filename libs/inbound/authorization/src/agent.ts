import { claimedName } from '@sallyport/kernel';
import type { AgentAssurance } from '@sallyport/policy';
import { isDocumentUrl, isNamedHost, type DocumentHosts } from './client-document.js';
import { classifyRedirectUri } from './redirect-uri.js';

/** An OAuth client as it described itself. Its name is a claim; its assurance is a fact (S2). */
export interface AgentRegistration {
  readonly clientId: string;
  readonly clientName: string | undefined;
  readonly clientUri: string | undefined;
  readonly redirectUris: readonly string[];
  /** RFC 7591 section 2 `token_endpoint_auth_method`. */
  readonly authMethod: string;
  readonly registeredBy: 'document' | 'dynamic' | 'administrator' | 'first-party' | 'built-in';
}

/** What people and the trail call an agent: cleaned, never empty, at most 80 characters. Pages quote it. */
export function agentName(agent: Pick<AgentRegistration, 'clientId' | 'clientName'>): string {
  return claimedName(agent.clientName ?? '') || agentHost(agent.clientId) || agent.clientId;
}

/** The host that publishes the agent; only one with a metadata document has it. */
export function agentHost(clientId: string): string | undefined {
  return isDocumentUrl(clientId) ? URL.parse(clientId)?.host : undefined;
}

/**
 * What proof of a key of its own (DPoP) adds. The key is one the agent made, nobody vouches for it: it shows that the
 * same party speaks each time, not who that is. So it raises what is known already, and a loopback agent or one that
 * registered itself goes on only asserting who it is, whatever key it brings (S2).
 */
export function assuranceWithKey(assurance: AgentAssurance, isKeyBound: boolean): AgentAssurance {
  return isKeyBound && assurance === 'verified-redirect' ? 'key-authenticated' : assurance;
}

/**
 * `key-authenticated`: the key of the document, or the one an administrator entered, signs every token request.
 * `verified-redirect`: the answer goes to https on the document's own host, or on one an administrator entered.
 * Everything else, any dynamic registration included, only asserts who it is.
 */
export function agentAssurance(agent: AgentRegistration, redirectUri: string): AgentAssurance {
  const host = agentHost(agent.clientId);
  const vouched = agent.registeredBy === 'administrator' || (agent.registeredBy === 'document' && host !== undefined);
  if (!vouched) return 'asserted';
  if (agent.authMethod === 'private_key_jwt') return 'key-authenticated';
  const redirect = classifyRedirectUri(redirectUri);
  return redirect.kind === 'https' && (agent.registeredBy === 'administrator' || redirect.host === host)
    ? 'verified-redirect'
    : 'asserted';
}

/**
 * Whether a browser may be sent on to this agent without a click, when nobody has agreed to anything yet (RFC 9700
 * section 4.11.2): where an administrator entered it, or named the host that both publishes it and takes its answers. A
 * host that is allowed only because any host is (`*`) is trusted with nothing.
 */
export function isTrustedRedirect(agent: AgentRegistration, redirectUri: string, documents: DocumentHosts): boolean {
  if (agent.registeredBy === 'first-party' || agent.registeredBy === 'administrator') return true;
  const redirect = classifyRedirectUri(redirectUri);
  const host = agentHost(agent.clientId);
  return (
    agent.registeredBy === 'document' &&
    redirect.kind === 'https' &&
    redirect.host === host &&
    isNamedHost(host, documents)
  );
}
