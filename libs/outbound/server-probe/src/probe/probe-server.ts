import { isPublicAddress, refuseUrl } from '@sallyport/safe-fetch';
import type { AllowedHost } from '@sallyport/safe-fetch';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Findings } from '../findings.js';
import type { Conversation, RegistryEntry, SignIn } from '../findings.js';
import { askByRelay } from './ask-by-relay.js';
import { askBySdk } from './ask-by-sdk.js';
import { findEndpoint } from './find-endpoint.js';
import type { FoundEndpoint } from './find-endpoint.js';
import { findSignIn, findSignInBySdk } from './find-sign-in.js';
import { EXCHANGE_MS, openProbeNetwork } from './probe-network.js';
import type { ProbeNetwork, ProbeNetworkOptions } from './probe-network.js';

/** All of it together. */
export const PROBE_MS = 20_000;

export interface ProbeOptions extends Pick<ProbeNetworkOptions, 'proxy' | 'extraCertificateAuthorities'> {
  /** What the same person allowed besides the address, such as the authorization server of a server on this machine. */
  readonly alsoAllow?: readonly AllowedHost[];
  readonly registry?: RegistryEntry | undefined;
  /** Milliseconds for everything; `PROBE_MS` unless a test is in a hurry. */
  readonly budgetMs?: number;
  /** A monotonic clock, in milliseconds. */
  readonly now?: () => number;
}

/**
 * Asks a server what it is, in at most 20 seconds, by the official SDK's client and by our own relay and discovery. It
 * sends no credential, registers nothing and calls no tool. Beyond public https it calls the typed address only, and
 * what `alsoAllow` names: whatever leads elsewhere into a private network is refused, and said.
 * @param typed http(s), without user information
 * @throws SallyportError `outbound_refused` for an address of another kind
 */
export async function probeServer(typed: string, options: ProbeOptions = {}): Promise<Findings> {
  const { alsoAllow = [], registry, budgetMs = PROBE_MS, now = () => performance.now() } = options;
  const began = now();
  const address = new URL(typed);
  address.hash = '';
  const allow = [allowanceFor(address), ...alsoAllow];
  refuseUrl(address, allow);
  const network = openProbeNetwork({ ...options, allow, budgetMs });
  try {
    const [endpoint, where] = await Promise.all([findEndpoint(address.href, network), networkOf(address)]);
    const asked = await askWhatIsThere(endpoint, network);
    return Findings.parse({
      typed: typed.slice(0, 2_048),
      network: where,
      ...asked,
      ...(registry === undefined ? {} : { registry }),
      tookMs: Math.round(now() - began),
    });
  } finally {
    await network.close();
  }
}

/** The one host and port that was typed, by plain http only where that was typed. */
function allowanceFor({ protocol, hostname, port }: URL): AllowedHost {
  const isPlain = protocol === 'http:';
  return { host: hostname, ports: [port === '' ? (isPlain ? 80 : 443) : Number(port)], http: isPlain };
}

async function networkOf({ hostname }: URL): Promise<Findings['network']> {
  const bare = hostname.replace(/^\[|\]$/g, '');
  const isAddress = isIP(bare) !== 0;
  const addresses = isAddress
    ? [bare]
    : await Promise.race([
        lookup(bare, { all: true }).then(
          (found) => found.slice(0, 16).map(({ address }) => address),
          () => [],
        ),
        setTimeout(EXCHANGE_MS, [], { ref: false }),
      ]);
  const how = isAddress ? 'the address itself' : `DNS of ${bare.slice(0, 253)}`;
  if (addresses.length === 0) return { type: 'unknown', how, addresses };
  return { type: addresses.every(isPublicAddress) ? 'public' : 'private', how, addresses };
}

type Asked = Pick<Findings, 'url' | 'endpoint' | 'relay' | 'sdk' | 'signIn' | 'signInBySdk' | 'challenge'>;

async function askWhatIsThere(found: FoundEndpoint, network: ProbeNetwork): Promise<Asked> {
  const { endpoint } = found;
  if (endpoint.type !== 'mcp') return notAsked(found);
  const asked = await askAt(found, network);
  const meant = endpointMeant(found.url, asked.signIn);
  if (meant === undefined) return asked;
  // The server refused us at a path that is not its endpoint, and its metadata says which one is.
  const moved = { ...found, url: meant, endpoint: { ...endpoint, movedBy: 'resource-metadata' as const } };
  const again = await askAt(moved, network);
  return again.signIn.failure === undefined ? again : asked;
}

async function askAt({ url, endpoint, challenge }: FoundEndpoint, network: ProbeNetwork): Promise<Asked> {
  const [relay, sdk] = await Promise.all([askByRelay(url, network), askBySdk(url, network)]);
  const wantsCredential = relay.outcome === 'wants-credential' || challenge !== undefined;
  const [signIn, signInBySdk] = await Promise.all([
    findSignIn(url, wantsCredential, network.fetch),
    findSignInBySdk(url, challenge, network.fetch),
  ]);
  const schemes = schemesOf(challenge);
  return {
    url,
    endpoint,
    relay,
    sdk,
    signIn,
    signInBySdk,
    ...(schemes.length === 0 ? {} : { challenge: { how: `WWW-Authenticate of the 401 from ${url}`, schemes } }),
  };
}

/** Metadata of the same origin that is for another path of it names the endpoint somebody meant. */
function endpointMeant(url: string, { failure }: SignIn): string | undefined {
  const named = failure?.reason === 'resource_mismatch' ? failure.detail['got'] : undefined;
  if (typeof named !== 'string' || !URL.canParse(named)) return undefined;
  const meant = new URL(named);
  return meant.origin === new URL(url).origin && meant.href !== url && meant.search === '' ? meant.href : undefined;
}

/** RFC 9110 section 11.6.1: the words that begin a challenge, as the server writes them. */
function schemesOf(challenge: string | undefined): string[] {
  if (challenge === undefined) return [];
  const outsideQuotes = challenge.slice(0, 8_192).replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const schemes = outsideQuotes.matchAll(/(?:^|,)\s*([A-Za-z][A-Za-z0-9_-]{0,63})(?=\s|,|$)/g);
  return [...new Set([...schemes].map(([, scheme = '']) => scheme))].slice(0, 8);
}

function notAsked({ url, endpoint }: FoundEndpoint): Asked {
  const how = 'not asked: no MCP server was found';
  const nothing: Conversation = { outcome: 'not-asked', how };
  return { url, endpoint, relay: nothing, sdk: nothing, signIn: { how }, signInBySdk: { how } };
}
