import { agentsAnsweredAt } from '@sallyport/authorization';
import { cleanText, quotedName } from '@sallyport/kernel';
import { html, type Html, type Page } from '@sallyport/pages';
import type { UnknownAgent } from '../engine/engine.js';

const MAX_SHOWN = 160;

/** An agent that is not known here, or not any more: why, who can do something about it, and what. */
export function unknownAgentPage(
  unknown: UnknownAgent,
  { redirectUri, detail }: { redirectUri: string | undefined; detail: string },
): Page {
  return {
    title: TITLES[unknown.cause],
    body: html`<p>${causeOf(unknown)} Nothing was granted.</p>
${remedyFor(unknown, redirectUri)}
<p class="soft"><code>${detail}</code></p>`,
  };
}

/** An agent that is known here, and wants its answer at an address that it did not register. */
export function otherAddressPage(redirectUri: string, detail: string): Page {
  return {
    title: 'This agent wants its answer elsewhere',
    body: html`<p>It asks to be answered at <code>${cleanText(redirectUri, MAX_SHOWN)}</code>, and is not registered
for that address here. Nothing was granted.</p>
${forget(redirectUri)}
<p>If it happens again, ask the administrator of this gateway to list that address: in <code>redirectHosts</code> of
<code>ClientRegistration</code>, or in the <code>Agent</code> document of an agent they entered.</p>
<p class="soft"><code>${detail}</code></p>`,
  };
}

const TITLES: Readonly<Record<UnknownAgent['cause'], string>> = {
  'registration-removed': 'This agent is no longer known here',
  'registered-elsewhere': 'This agent registered somewhere else',
  'name-unknown': 'This agent is not known here',
  'document-refused': 'This agent is not let in here',
};

function causeOf(unknown: UnknownAgent): string {
  switch (unknown.cause) {
    case 'registration-removed':
      return (
        `It registered here on ${new Date(unknown.registeredAt * 1000).toISOString().slice(0, 10)}, and that ` +
        `registration was removed since: it was not used for some time, made room for others, or an administrator ` +
        `removed it.`
      );
    case 'registered-elsewhere':
      return 'It shows a registration that this server did not make, or made before it was set up anew.';
    case 'name-unknown':
      return (
        `It calls itself ${quotedName(cleanText(unknown.clientId, MAX_SHOWN))}, and no agent of that name is ` +
        `entered here. Some agents make a name up after they could not register.`
      );
    case 'document-refused':
      return (
        `It is published at ${cleanText(URL.parse(unknown.clientId)?.host ?? unknown.clientId, MAX_SHOWN)}, ` +
        `and that is not accepted: ${unknown.reason}.`
      );
  }
}

function remedyFor(unknown: UnknownAgent, redirectUri: string | undefined): Html {
  if (unknown.cause !== 'document-refused') return unknown.canRegister ? forget(redirectUri) : ASK_FOR_ENTRY;
  return unknown.isRule ? ASK_FOR_RULE : ASK_ITS_MAKER;
}

/** How the agents that are answered at this address are made to forget what they have. */
function forget(redirectUri: string | undefined): Html {
  const known = redirectUri === undefined ? [] : agentsAnsweredAt(redirectUri);
  const remedies = known.flatMap(({ name, forget: how }) =>
    how === undefined ? [] : [html`<li>${name}: ${withCommands(how)}</li>`],
  );
  return html`<p>Make your agent forget its sign-in here, and connect again. It then registers anew.</p>
<ul>${remedies}<li>${remedies.length > 0 ? 'Any other' : 'In most agents'}: remove this server, and add it
again</li></ul>`;
}

/** Shows what stands in backticks as code, e.g. a command to type. */
const withCommands = (text: string): Html[] =>
  text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));

const ASK_FOR_ENTRY = html`<p>Agents cannot register here by themselves: ask the administrator of this gateway to enter
yours (an <code>Agent</code> document), or to let it register (<code>ClientRegistration</code>).</p>`;
const ASK_FOR_RULE = html`<p>Ask the administrator of this gateway: <code>metadataDocuments</code> of
<code>ClientRegistration</code> says which hosts may publish agents.</p>`;
const ASK_ITS_MAKER = html`<p>Whoever makes this agent has to mend that. Until then it may be able to register, if you
tell it to.</p>`;
