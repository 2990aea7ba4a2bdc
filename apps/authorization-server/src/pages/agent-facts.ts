import {
  agentAssurance,
  agentHost,
  agentName,
  assuranceWithKey,
  classifyRedirectUri,
  redirectTarget,
  type AgentRegistration,
} from '@sallyport/authorization';
import { DEVICE_ANSWER } from '@sallyport/authorization/own-clients';
import { quotedName } from '@sallyport/kernel';
import { facts, html, type Html } from '@sallyport/pages';
import type { PendingAuthorization } from '../engine/engine.js';

const ASSURANCE = {
  asserted: 'only says so: its identity is not verified',
  'verified-redirect': 'verified: answers go to its own site',
  'key-authenticated': 'verified: it signs with its own key',
} as const;

const LOOPBACK_WARNING =
  'The answer stays on this device. Any program running here can claim to be this agent, ' +
  'so continue only if you have just started it.';

const DEVICE_WARNING =
  'Whoever gave you the code gets in as you. Continue only if you have just read it from a terminal of your own.';

/** What an agent claims about itself and what is known about it, told apart. */
export function agentFacts({
  agent,
  redirectUri,
  isKeyBound,
}: Pick<PendingAuthorization, 'agent' | 'redirectUri' | 'isKeyBound'>): Html {
  const assurance = assuranceWithKey(agentAssurance(agent, redirectUri), isKeyBound);
  const isOnAnother = redirectUri === DEVICE_ANSWER;
  const isOnThisDevice = !isOnAnother && classifyRedirectUri(redirectUri).kind !== 'https';
  return html`${facts(
    ['Agent', quotedName(agentName(agent))],
    ['Published by', publisherOf(agent)],
    ['Identity', ASSURANCE[assurance]],
    ['Answers go to', redirectTarget(redirectUri)],
  )}
${isOnThisDevice && html`<p class="warning">${LOOPBACK_WARNING}</p>`}
${isOnAnother && html`<p class="warning">${DEVICE_WARNING}</p>`}`;
}

function publisherOf({ clientId, registeredBy }: AgentRegistration): string {
  return (
    agentHost(clientId) ??
    (registeredBy === 'administrator'
      ? 'entered by your administrator'
      : registeredBy === 'built-in'
        ? 'a part of Sallyport'
        : 'unknown: it registered itself')
  );
}
