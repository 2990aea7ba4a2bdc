import { agentName, redirectTarget } from '@sallyport/authorization';
import { cleanText, quotedName } from '@sallyport/kernel';
import { html, type Page } from '@sallyport/pages';
import type { EngineError, WayBack } from '../engine/engine.js';
import { DOCUMENT_UNREAD } from '../engine/unread-documents.js';
import { COMMON_LIMIT } from '../limits/refusal.js';
import { agentFacts } from './agent-facts.js';
import { busyWords } from './busy-page.js';
import { messagePage, UNREAD_WORDS } from './message-pages.js';
import { otherAddressPage, unknownAgentPage } from './unknown-agent-page.js';

const MAX_DETAIL = 300;

/**
 * The error of an authorization request that is not answered with a redirect: there is nowhere to send the browser, or
 * nobody has agreed to it being sent there (RFC 9700 section 4.11.2).
 */
export function engineErrorPage(engineError: EngineError, back?: WayBack): Page {
  const { error, error_description: description, unknown, redirectUri } = engineError;
  const { title, message, detail } = wordsFor(error, description);
  if (unknown) return unknownAgentPage(unknown, { redirectUri, detail: detail ?? error });
  if (error === 'invalid_redirect_uri' && redirectUri !== undefined)
    return otherAddressPage(redirectUri, detail ?? error);
  return back ? wayBackPage({ title, message, detail }, back) : messagePage(title, message, { detail });
}

interface ErrorWords {
  readonly title: string;
  readonly message: string;
  readonly detail: string | undefined;
}

/** Leads to the agent by a link only. */
function wayBackPage({ title, message, detail }: ErrorWords, { agent, redirectUri, href }: WayBack): Page {
  return {
    title,
    body: html`<p>${message}</p>
${detail !== undefined && html`<p class="soft"><code>${detail}</code></p>`}
<p>${quotedName(agentName(agent))} wants to hear of this at the address below. You have not been sent there: go on only
if you started this yourself.</p>
${agentFacts({ agent, redirectUri, isKeyBound: false })}
<p><a href="${href}" rel="noreferrer">Return to ${redirectTarget(redirectUri)}</a></p>`,
  };
}

function wordsFor(error: string, description: string | undefined): ErrorWords {
  if (error === 'server_error')
    return {
      title: 'Something went wrong',
      message: 'It is not your fault, and it was written to the log. Try again in a moment.',
      detail: undefined,
    };
  if (error === 'temporarily_unavailable' && description === DOCUMENT_UNREAD)
    return { title: 'One moment, please', message: UNREAD_WORDS, detail: undefined };
  if (error === 'temporarily_unavailable')
    return { title: 'Too many requests', message: busyWords(description === COMMON_LIMIT), detail: error };
  return {
    title: 'This request cannot be answered',
    message: 'The agent that sent you here asked for something this server does not accept. Nothing was granted.',
    detail: cleanText(description === undefined ? error : `${error}: ${description}`, MAX_DETAIL),
  };
}
