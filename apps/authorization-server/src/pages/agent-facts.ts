import {
  agentAssurance,
  agentHost,
  agentName,
  assuranceWithKey,
  classifyRedirectUri,
  redirectTarget,
} from '@sallyport/authorization';
import { quotedName } from '@sallyport/kernel';
import type { PendingAuthorization } from '../engine/engine.js';
import { html, type Html } from './html.js';

const ASSURANCE = {
  asserted: 'only says so: its identity is not verified',
  'verified-redirect': 'verified: answers go to its own site',
  'key-authenticated': 'verified: it signs with its own key',
} as const;

/** What is claimed and what is known about an agent, apart. */
export function agentFacts({
  agent,
  redirectUri,
  isKeyBound,
}: Pick<PendingAuthorization, 'agent' | 'redirectUri' | 'isKeyBound'>): Html {
  const host = agentHost(agent.clientId);
  const assurance = assuranceWithKey(agentAssurance(agent, redirectUri), isKeyBound);
  const loopback = classifyRedirectUri(redirectUri).kind !== 'https';
  return html`<dl>
<div><dt>Agent</dt><dd>${quotedName(agentName(agent))}</dd></div>
<div><dt>Published by</dt><dd>${host ?? (agent.registeredBy === 'administrator' ? 'entered by your administrator' : 'unknown: it registered itself')}</dd></div>
<div><dt>Identity</dt><dd>${ASSURANCE[assurance]}</dd></div>
<div><dt>Answers go to</dt><dd>${redirectTarget(redirectUri)}</dd></div>
</dl>
${loopback && html`<p class="warning">The answer stays on this device. Any program running here can claim to be this agent, so continue only if you have just started it.</p>`}`;
}
