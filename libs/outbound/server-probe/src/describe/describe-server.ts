import { cleanText } from '@sallyport/kernel';
import type { AllowedHost } from '@sallyport/safe-fetch';
import type { Endpoint, Findings } from '../findings.js';
import { credentialProviderOf, trustsUs } from './credential-provider-of.js';
import type { CommentedDocument, Fact, ServerDescription, Surroundings, Unknown } from './description.js';
import { differencesOf } from './differences-of.js';
import { firstPolicy, toolsOf } from './first-policy.js';
import { knownHost } from './known-hosts.js';
import { nameBeside, nameServer } from './name-server.js';
import { whyNoServer } from './why-no-server.js';

/**
 * Describes a server by what was found of it: the documents that put it behind the gateway, what is not known, and
 * whose move it is. Pure: the same findings and surroundings make the same description.
 */
export function describeServer(findings: Findings, around: Surroundings = {}): ServerDescription {
  const facts = factsOf(findings, around);
  const differences = differencesOf(findings);
  if (findings.endpoint.type !== 'mcp')
    return { documents: [], facts, differences, unknowns: [whyNoServer(findings.endpoint, findings)] };
  const existing = around.existing ?? [];
  const url = new URL(findings.url);
  const title = titleOf(findings);
  const server = nameServer(url, title, existing, around.name);
  const provider = credentialProviderOf(findings, server, around);
  const credentialProvider = nameBeside('CredentialProvider', `${server}-${provider.suffix}`, existing);
  const policy = nameBeside('AccessPolicy', `${server}-read-only`, existing);
  const network = outboundNetwork(findings, around);
  return {
    documents: [
      ...network.documents,
      mcpServer(findings, server, title),
      {
        document: { kind: 'CredentialProvider', name: credentialProvider, spec: provider.spec },
        before: provider.before,
        ...(provider.at === undefined ? {} : { at: provider.at }),
        ...(provider.after === undefined ? {} : { after: provider.after }),
      },
      firstPolicy(findings, { policy, server, credentialProvider }, around),
    ],
    facts,
    differences,
    unknowns: [...network.unknowns, ...provider.unknowns, ...toolsUnknown(findings)],
  };
}

function titleOf({ relay, sdk, registry, url }: Findings): string | undefined {
  const said =
    (relay.outcome === 'listed' ? relay.title : undefined) ??
    (sdk.outcome === 'listed' ? sdk.title : undefined) ??
    registry?.title ??
    knownHost(new URL(url).hostname)?.title;
  const title = cleanText(said ?? '', 80)
    .slice(0, 80)
    .toWellFormed()
    .trim();
  return title === '' ? undefined : title;
}

function mcpServer(findings: Findings, server: string, title: string | undefined): CommentedDocument {
  const { url, typed, endpoint, relay } = findings;
  const moved = endpoint.type === 'mcp' ? endpoint.movedBy : undefined;
  const hasOtherOrigin = new URL(url).origin !== new URL(typed).origin;
  return {
    document: { kind: 'McpServer', name: server, spec: { ...(title === undefined ? {} : { title }), url } },
    before: [
      `Its tools are called ${server}__<tool>.`,
      ...(relay.outcome === 'listed' && relay.version !== undefined ? [`It speaks MCP of ${relay.version}.`] : []),
      ...(moved === undefined ? [] : [`${cleanText(typed, 200)} was typed; the endpoint was found ${MOVED[moved]}.`]),
      ...(hasOtherOrigin ? ['That is another host: make sure that it is the one you mean.'] : []),
    ],
  };
}

const MOVED = {
  redirect: 'where it redirects to, which Sallyport does not follow in calls',
  'trailing-slash': 'with the slash at its end changed',
  path: 'at another path of the host',
  'resource-metadata': "in the server's own metadata",
} as const;

/** What calls need allowed beyond public https. */
function outboundNetwork(
  findings: Findings,
  { outboundNetwork: present, existing = [], alsoAllow = [] }: Surroundings,
): { readonly documents: readonly CommentedDocument[]; readonly unknowns: readonly Unknown[] } {
  const url = new URL(findings.url);
  const isPlain = url.protocol === 'http:';
  const port = url.port === '' ? (isPlain ? 80 : 443) : Number(url.port);
  const own = { host: url.hostname.replace(/^\[|\]$/g, ''), ports: [port], ...(isPlain ? { http: true } : {}) };
  const needed = [...(findings.network.type === 'private' || isPlain ? [own] : []), ...alsoAllow];
  const missing = needed.filter((entry) => !(present ?? []).some((allowed) => covers(allowed, entry)));
  if (missing.length === 0) return { documents: [], unknowns: [] };
  const plain: Unknown[] =
    isPlain && findings.network.type !== 'private'
      ? [
          {
            what: 'the server is called without TLS over a public network: everybody on the way reads the credential',
            move: "the server's operator",
            todo: 'Ask for an https address.',
          },
        ]
      : [];
  const isThere = present !== undefined || existing.some(({ kind }) => kind === 'OutboundNetwork');
  if (isThere) return { documents: [], unknowns: [...plain, addToNetwork(missing)] };
  return {
    documents: [
      {
        document: { kind: 'OutboundNetwork', name: 'default', spec: { allow: missing } },
        before: [
          'The server is on a private network, or called without TLS: Sallyport calls only such hosts as this allows.',
          'There is one document of this kind. If you have it already, add the entries to it and leave this one out.',
        ],
      },
    ],
    unknowns: plain,
  };
}

const covers = (allowed: AllowedHost, needed: AllowedHost): boolean =>
  allowed.host.toLowerCase() === needed.host.toLowerCase() &&
  (allowed.ports === undefined || (needed.ports ?? []).every((port) => allowed.ports?.includes(port))) &&
  (needed.http !== true || allowed.http === true);

const addToNetwork = (missing: readonly AllowedHost[]): Unknown => ({
  what: 'whether Sallyport may call the server: OutboundNetwork does not allow it yet',
  move: 'you',
  todo: `Add to \`allow\` of OutboundNetwork: ${missing.map((entry) => JSON.stringify(entry)).join(', ')}`,
});

function toolsUnknown(findings: Findings): Unknown[] {
  const { relay, sdk } = findings;
  if (toolsOf(findings) !== undefined || relay.outcome === 'not-asked') return [];
  if (relay.outcome === 'wants-credential' || sdk.outcome === 'wants-credential')
    return [
      {
        what: 'which tools the server has: it lists none without a credential',
        move: 'you',
        todo: 'Apply, connect an account, then approve what only reads: sallyport pins list, sallyport pins approve.',
      },
    ];
  return [
    {
      what: `which tools the server has: ${relay.outcome === 'failed' ? relay.reason : 'it lists none'}`,
      move: "the server's operator",
      todo: 'It answered, and not with a list of tools; see "what was found".',
    },
  ];
}

function factsOf(findings: Findings, around: Surroundings): Fact[] {
  const { url, endpoint, relay, sdk, signIn, signInBySdk, network, challenge, registry } = findings;
  const facts: Fact[] = [
    {
      about: 'address',
      found: `${network.type} (${network.addresses.join(', ') || 'does not resolve'})`,
      how: network.how,
    },
    { about: 'endpoint', found: endpoint.type === 'mcp' ? url : ENDPOINT[endpoint.type], how: endpoint.how },
  ];
  if (registry !== undefined) facts.push({ about: 'registry entry', found: registry.name, how: registry.how });
  if (endpoint.type !== 'mcp') return facts;
  for (const [about, conversation] of [
    ['Sallyport lists', relay],
    ['the SDK lists', sdk],
  ] as const)
    facts.push({ about, found: listing(conversation), how: conversation.how });
  if (challenge !== undefined)
    facts.push({ about: 'challenge', found: challenge.schemes.join(', '), how: challenge.how });
  facts.push(
    {
      about: 'resource metadata',
      found: signIn.resource?.resource ?? signIn.failure?.reason ?? 'none',
      how: signIn.how,
    },
    {
      about: 'authorization server',
      found: trustsUs(findings, around) ? `${around.issuer ?? ''} (ours)` : authorizationServer(signIn),
      how: signIn.how,
    },
    { about: 'the SDK signs in at', found: signInBySdk.issuer ?? signInBySdk.said ?? 'nothing', how: signInBySdk.how },
  );
  return facts.map((fact) => ({ ...fact, found: cleanText(fact.found, 300) }));
}

const ENDPOINT: Readonly<Record<Exclude<Endpoint['type'], 'mcp'>, string>> = {
  'http-and-sse': 'HTTP+SSE, the transport of 2024-11-05',
  'web-page': 'a web page',
  redirect: 'a redirect',
  'not-mcp': 'something else than MCP',
  unreachable: 'not reachable',
};

function listing(conversation: Findings['relay']): string {
  switch (conversation.outcome) {
    case 'listed': {
      const reading = conversation.tools.filter(({ readOnlyHint }) => readOnlyHint === true).length;
      const version = conversation.version ?? conversation.era;
      return `${conversation.tools.length} tools, ${reading} of them read-only, in ${version} (${conversation.era})`;
    }
    case 'wants-credential':
      return `nothing without a credential (${conversation.status})`;
    case 'failed':
      return `${conversation.reason}${conversation.said === undefined ? '' : `: ${conversation.said}`}`;
    case 'not-asked':
      return 'not asked';
  }
}

function authorizationServer({ authorizationServer: server, failure }: Findings['signIn']): string {
  if (server === undefined) return failure?.reason ?? 'none';
  const ways = [
    ...(server.registersDynamically ? ['dynamic registration'] : []),
    ...(server.takesMetadataDocuments ? ['client metadata documents'] : []),
  ];
  return `${server.issuer} (${ways.length === 0 ? 'registers no clients' : ways.join(', ')})`;
}
