import { agentName, redirectTarget } from '@sallyport/authorization';
import { cleanText, quotedName } from '@sallyport/kernel';
import { onwardPage, type Page } from '@sallyport/pages';
import type { WayBack } from '../engine/engine.js';

const MAX_NAME = 120;

/** Takes the browser back to its agent, with the authorization response. */
export function backToAgentPage({ agent, redirectUri, href }: WayBack): Page {
  const name = agent.registeredBy === 'first-party' ? 'Sallyport' : quotedName(agentName(agent));
  const target = redirectTarget(redirectUri);
  return onwardPage({
    title: `Back to ${name}`,
    words:
      `You are being sent back to ${target}. If nothing happens, use the link. Where an application has ` +
      `opened, you can close this page.`,
    to: href,
    link: `Return to ${target}`,
  });
}

/** Takes the browser to an identity provider. @param provider its name, as people are shown it */
export function toProviderPage(provider: string, to: string): Page {
  const name = cleanText(provider, MAX_NAME);
  return onwardPage({ title: `On to ${name}`, to, link: `Continue with ${name}` });
}
