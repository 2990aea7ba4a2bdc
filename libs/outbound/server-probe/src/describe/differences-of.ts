import { cleanText } from '@sallyport/kernel';
import { isSameIdentifier } from '@sallyport/oauth';
import type { Conversation, Findings } from '../findings.js';
import type { Difference } from './description.js';

/** Where an agent on the official SDK and Sallyport would see the same server differently, and what that means. */
export function differencesOf(findings: Findings): Difference[] {
  return [...inConversation(findings), ...inSignIn(findings)];
}

function inConversation({ relay, sdk }: Findings): Difference[] {
  if (relay.outcome === 'not-asked' || sdk.outcome === 'not-asked') return [];
  if (relay.outcome !== sdk.outcome)
    return [
      {
        about: 'listing tools',
        sdk: wordsOf(sdk),
        sallyport: wordsOf(relay),
        means:
          relay.outcome === 'failed'
            ? 'Agents on the SDK would use this server and Sallyport would not: report it to us.'
            : 'Sallyport takes what the SDK refuses, or the server answered differently the second time.',
      },
    ];
  if (relay.outcome !== 'listed' || sdk.outcome !== 'listed') return [];
  const differences: Difference[] = [];
  if (relay.era !== sdk.era || relay.version !== sdk.version)
    differences.push({
      about: 'revision',
      sdk: sdk.version ?? sdk.era,
      sallyport: relay.version ?? relay.era,
      means: 'Both work. Sallyport translates for agents of either era.',
    });
  const onlyIn = (one: typeof relay, other: typeof relay) =>
    one.tools.map(({ name }) => name).filter((name) => !other.tools.some((tool) => tool.name === name));
  const [onlySdk, onlyRelay] = [onlyIn(sdk, relay), onlyIn(relay, sdk)];
  if (onlySdk.length > 0 || onlyRelay.length > 0)
    differences.push({
      about: 'tools',
      sdk: `${sdk.tools.length} tools${onlySdk.length === 0 ? '' : `, alone: ${named(onlySdk)}`}`,
      sallyport: `${relay.tools.length} tools${onlyRelay.length === 0 ? '' : `, alone: ${named(onlyRelay)}`}`,
      means: 'The server lists different tools to different clients or at different times: look at both lists.',
    });
  return differences;
}

const named = (names: readonly string[]): string =>
  names
    .slice(0, 10)
    .map((name) => cleanText(name, 64))
    .join(', ') + (names.length > 10 ? '…' : '');

function wordsOf(conversation: Exclude<Conversation, { outcome: 'not-asked' }>): string {
  switch (conversation.outcome) {
    case 'listed':
      return `${conversation.tools.length} tools`;
    case 'wants-credential':
      return `refused with ${conversation.status}`;
    case 'failed':
      return `${conversation.reason}${conversation.said === undefined ? '' : `: ${conversation.said}`}`;
  }
}

function inSignIn({ endpoint, signIn, signInBySdk, relay }: Findings): Difference[] {
  if (endpoint.type !== 'mcp') return [];
  const ours = signIn.authorizationServer;
  const theirs = signInBySdk.issuer;
  // The SDK takes any origin for an authorization server; a server that lets everybody in has not asked for one.
  if (ours === undefined && relay.outcome === 'listed' && signIn.failure === undefined) return [];
  if (ours === undefined && theirs === undefined) return [];
  if (ours !== undefined && theirs !== undefined)
    return isSameIdentifier(ours.issuer, theirs)
      ? []
      : [
          {
            about: 'authorization server',
            sdk: cleanText(theirs, 200),
            sallyport: cleanText(ours.issuer, 200),
            means: 'The server names several, or describes itself in two ways: say which in `authorizationServer`.',
          },
        ];
  return [
    {
      about: 'signing in',
      sdk:
        theirs === undefined ? (signInBySdk.said ?? 'finds no authorization server') : `at ${cleanText(theirs, 200)}`,
      sallyport:
        ours === undefined
          ? `not possible: ${signIn.failure?.reason ?? 'no metadata'}`
          : `at ${cleanText(ours.issuer, 200)}`,
      means:
        ours === undefined
          ? 'The SDK is less strict here. Sallyport connects nobody until that is mended.'
          : 'Agents on the SDK could not sign in at the server themselves; through Sallyport they can.',
    },
  ];
}
