import type { DemoConfigurationUrls } from '@sallyport/demo';
import { DEMO_CLIENT_SECRET_VARIABLE } from '@sallyport/demo';

/** What an agent asks for to use these servers. */
export const SERVERS_SCOPE = 'servers.use';

/** Where these servers may send users. */
export const PAGE_ORIGIN = 'https://pages.example';

export interface ConfiguredServer {
  readonly name: string;
  readonly url: string;
  /** How its credential is had; a token we sign by default. */
  readonly credential?: 'gateway-token' | 'none' | 'mcp-user-oauth' | 'id-jag' | 'token-exchange';
  /** Of `id-jag` and `token-exchange`: where sign-ins are exchanged. */
  readonly exchangedAt?: string;
  /** Our registration at the server's authorization server, made by hand. */
  readonly client?: { readonly issuer: string; readonly clientId: string; readonly secretFile?: string };
}

/**
 * Servers of a test's own behind the gateway, everything of theirs allowed to the demonstration's engineers. One alone
 * has no prefix, unless it is wanted.
 */
export function serversConfiguration(
  servers: readonly ConfiguredServer[],
  { identityProvider }: DemoConfigurationUrls,
  toolPrefix = servers.length === 1 ? 'never' : 'server',
): string {
  const exchanges = servers.flatMap(({ exchangedAt }) => (exchangedAt === undefined ? [] : [{ url: exchangedAt }]));
  const allowed = [{ url: identityProvider }, ...exchanges, ...servers].map(({ url, ...server }) => {
    const { hostname, port } = new URL(url);
    // An authorization server is on the same host, at a port that only discovery tells.
    const isDiscovered =
      'credential' in server && (server.credential === 'mcp-user-oauth' || server.credential === 'id-jag');
    return `    - { host: ${hostname}, ${isDiscovered ? '' : `ports: [${port}], `}http: true }`;
  });
  return `
kind: TrustProvider
name: demo
spec:
  displayName: Demo identity provider
  issuer: ${identityProvider}
  clientId: sallyport
  clientSecret: { env: ${DEMO_CLIENT_SECRET_VARIABLE} }
  scopes: [openid, profile, email, groups]
  claims: { subject: sub, email: email, name: name, groups: groups }
  session: { keepTokens: ${servers.some(({ exchangedAt }) => exchangedAt !== undefined)} }
---
kind: Role
name: tester
spec: { scopes: [${SERVERS_SCOPE}], members: [{ trustProvider: demo, groups: [engineering] }] }
---
kind: AccessPolicy
name: testers
spec: { hop: client-to-gateway, trustProviders: [demo], users: { trustProvider: demo, groups: [engineering] } }
---${servers.map(documentsOf).join('---')}---
kind: ClientRegistration
name: default
spec:
  metadataDocuments: { enabled: true, allowedHosts: ["*"] }
  dynamic: { mode: open, redirectHosts: [127.0.0.1] }
---
kind: Gateway
name: default
spec: { toolPrefix: ${toolPrefix} }
---
kind: OutboundNetwork
name: default
spec:
  allow:
${allowed.join('\n')}
`;
}

const credentialOf = ({ name, url, credential = 'gateway-token', client, exchangedAt }: ConfiguredServer): string => {
  if (credential === 'id-jag') {
    const { issuer = '', clientId = '', secretFile = '' } = client ?? {};
    return `{ type: id-jag, server: ${name}, trustProvider: demo, issuer: "${issuer}", tokenEndpoint: "${exchangedAt}", origin: "${new URL(url).origin}", client: { authentication: client_secret_basic, clientId: "${clientId}", clientSecret: { file: "${secretFile}" } } }`;
  }
  if (credential === 'token-exchange')
    return `{ type: token-exchange, server: ${name}, trustProvider: demo, tokenEndpoint: "${exchangedAt}", audience: ${name}-api, origin: "${new URL(url).origin}" }`;
  const scopes = credential === 'gateway-token' ? `, scopes: [${SERVERS_SCOPE}]` : '';
  const registration =
    client === undefined
      ? ''
      : `, client: { issuer: "${client.issuer}", clientId: "${client.clientId}"${client.secretFile === undefined ? '' : `, clientSecret: { file: "${client.secretFile}" }`} }`;
  return `{ type: ${credential}, server: ${name}${scopes}${registration} }`;
};

const documentsOf = ({ name, url, ...rest }: ConfiguredServer): string => `
kind: McpServer
name: ${name}
spec:
  title: "${name}"
  url: "${url}"
  timeout: 30s
  mayAsk: { elicitation: [form, url], sampling: true, roots: true, urlOrigins: ["${PAGE_ORIGIN}"] }
---
kind: CredentialProvider
name: ${name}-credential
spec: ${credentialOf({ name, url, ...rest })}
---
kind: AccessPolicy
name: ${name}-for-testers
spec:
  hop: gateway-to-server
  server: ${name}
  users: { trustProvider: demo, groups: [engineering] }
  credentialProvider: ${name}-credential
  tools: [{ match: ["*"], scope: ${SERVERS_SCOPE} }]
  resources: [{ match: ["**"], scope: ${SERVERS_SCOPE} }]
  prompts: [{ match: ["*"], scope: ${SERVERS_SCOPE} }]
`;
