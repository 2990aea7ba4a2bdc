import type { ConnectReason } from '@sallyport/credential';
import type { ProviderFailureReason } from '@sallyport/oauth';
import { html } from '@sallyport/pages';
import { connectFailureWords } from './credentials/connect/connect-failure.js';
import { busyPage, otherUserPage, ticketPages } from './credentials/connect/connect-pages.js';
import { connectWords, providerWords } from './credentials/lease/answer-lease-request.js';

/** One entry of `docs/troubleshooting.md`: what somebody reads, why, and what mends it. */
export interface Trouble {
  readonly words: string;
  readonly because: string;
  readonly fix: string;
}
type Explained = Omit<Trouble, 'words'>;

const OPEN = 'Open the link in a browser.';
const CONNECT: { readonly [R in ConnectReason]: Explained } = {
  not_connected: { because: 'The user has no account connected at this server, or it was disconnected.', fix: OPEN },
  needs_reconnect: {
    because:
      'The account was revoked there, its access cannot be renewed, or the server or its credential provider was ' +
      'configured anew.',
    fix: `${OPEN} The event \`connection.needs_reconnect\` has the reason.`,
  },
  more_scopes: { because: 'The server asks for scopes that were not granted so far.', fix: `${OPEN} It shows which.` },
  agent_not_consented: { because: 'The account is connected, and this agent has not used it before.', fix: OPEN },
};

const HEALTH = "`GET /v1/credential-providers` has the provider's own words; the account page says since when.";
const PROVIDER: { readonly [R in ProviderFailureReason]: Explained } = {
  client_refused: {
    because: 'Our client there was removed, or its secret or key is not taken any more.',
    fix: `Renew \`client\` of the credential provider. ${HEALTH}`,
  },
  request_refused: {
    because: 'The authorization server answers a refresh with an error that is not about the grant.',
    fix: HEALTH,
  },
  rate_limited: {
    because: 'It answers 429.',
    fix: `\`refresh\` of the credential provider bounds how fast it is asked. ${HEALTH}`,
  },
  unavailable: { because: 'It answers 5xx.', fix: `Wait. ${HEALTH}` },
  no_answer: { because: 'It cannot be reached, or does not answer in time.', fix: `Wait. ${HEALTH}` },
  malformed_answer: { because: 'Its answer has no token that can be used.', fix: HEALTH },
  address_refused: {
    because: 'Its token endpoint is at a private address, or not https, and `OutboundNetwork` does not list it.',
    fix: 'Add it to `allow` of `OutboundNetwork`; the log of the start has the line.',
  },
};

const AGAIN = 'Ask the agent again, and open its new link.';
const PAGES: { readonly [P in keyof typeof ticketPages]: Explained } = {
  expired: { because: 'Links to connect an account are good for 15 minutes.', fix: AGAIN },
  invalid: { because: 'The link was cut or altered, or is older than a day.', fix: AGAIN },
  revoked: {
    because: 'Somebody revoked the sign-in of the agent, the agent or the user since.',
    fix: 'Sign in again with the agent.',
  },
  gone: {
    because: 'An administrator took the server or its credential provider out of the configuration.',
    fix: 'Ask the administrator.',
  },
  staleForm: {
    because: 'The form was made in another browser, or the sign-in here ended.',
    fix: 'Open the link again.',
  },
  notYours: {
    because: 'The answer of a sign-in was used already, came after ten minutes, or came to another browser.',
    fix: AGAIN,
  },
};

const entriesOf = <K extends string>(
  explained: Readonly<Record<K, Explained>>,
  wordsOf: (key: K) => string,
): Trouble[] => (Object.keys(explained) as K[]).map((key) => ({ words: wordsOf(key), ...explained[key] }));

function sentenceOf(reason: ProviderFailureReason): string {
  const words = providerWords(reason, { server: 'notes', pausedSince: undefined });
  return 'message' in words ? words.message : words.why;
}

/** What people read while an account is connected or used: from agents, and on pages. */
export function connectTroubles(): {
  readonly agent: readonly Trouble[];
  readonly pages: readonly Trouble[];
  readonly failures: readonly Trouble[];
} {
  return {
    agent: [...entriesOf(CONNECT, (reason) => connectWords[reason]('notes')), ...entriesOf(PROVIDER, sentenceOf)],
    pages: [
      ...entriesOf(PAGES, (name) => ticketPages[name].title),
      {
        words: otherUserPage(html``, '').title,
        because: 'The browser is signed in as another user than the one the agent acts for.',
        fix: 'Sign in as that user, from the same page.',
      },
      {
        words: busyPage.title,
        because: 'One user began to connect more than 30 times in a minute.',
        fix: 'Wait a minute.',
      },
    ],
    failures: connectFailureWords.map(([reason, { happened, remedy }]) => ({
      words: `“Notes” ${happened}`,
      because: `\`${reason}\``,
      fix: remedy,
    })),
  };
}
