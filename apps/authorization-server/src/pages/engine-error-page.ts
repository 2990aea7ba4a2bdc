import { agentName, redirectTarget } from '@sallyport/authorization';
import { cleanText, quotedName } from '@sallyport/kernel';
import type { EngineError, WayBack } from '../engine/engine.js';
import { agentFacts } from './agent-facts.js';
import { html } from './html.js';
import { messagePage } from './message-pages.js';
import { page, type Page } from './page.js';

const MAX_DETAIL = 300;

/**
 * An authorization request that is not answered with a redirect: there is nowhere to send the browser, or nobody has agreed
 * to it being sent there (RFC 9700 section 4.11.2).
 */
export function engineErrorPage({ error, error_description: description }: EngineError, back?: WayBack): Page {
  const { title, message, detail } = wordsFor(error, description);
  if (!back) return messagePage(title, message, { detail });
  const { agent, redirectUri, href } = back;
  return page(
    title,
    html`<h1>${title}</h1>
<p>${message}</p>
${detail !== undefined && html`<p class="soft"><code>${detail}</code></p>`}
<p>${quotedName(agentName(agent))} wants to hear of this at the address below. You have not been sent there: go on only if you started this yourself.</p>
${agentFacts({ agent, redirectUri, isKeyBound: false })}
<p><a href="${href}" rel="noreferrer">Return to ${redirectTarget(redirectUri)}</a></p>`,
  );
}

function wordsFor(
  error: string,
  description: string | undefined,
): { readonly title: string; readonly message: string; readonly detail: string | undefined } {
  const detail = cleanText(description === undefined ? error : `${error}: ${description}`, MAX_DETAIL);
  if (error === 'server_error')
    return {
      title: 'Something went wrong',
      message: 'It is not your fault, and it was written to the log. Try again in a moment.',
      detail: undefined,
    };
  if (error === 'temporarily_unavailable')
    return {
      title: 'Too many requests',
      message:
        'More agents are being connected just now than this server takes on. Nothing was granted; try again in a minute.',
      detail: error,
    };
  return {
    title: 'This request cannot be answered',
    message: 'The agent that sent you here asked for something this server does not accept. Nothing was granted.',
    detail,
  };
}
