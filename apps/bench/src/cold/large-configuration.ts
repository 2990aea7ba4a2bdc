/** How many servers and policies a configuration has. */
export interface ConfigurationSize {
  readonly servers: number;
  readonly policies: number;
}

/**
 * A declarative file of any size, as a company would have it: every server with its credential provider, and policies
 * with users, scopes, a condition and an expression, spread evenly over the servers.
 * @param upstream the URL all servers are at: what is measured is not how many of them there are on the network
 */
export function largeConfiguration(
  { servers, policies }: ConfigurationSize,
  { identityProvider, upstream }: { readonly identityProvider: string; readonly upstream: string },
): string {
  const ports = [identityProvider, upstream].map((url) => new URL(url).port).join(', ');
  const documents = [
    `kind: TrustProvider
name: demo
spec: { issuer: "${identityProvider}", clientId: sallyport, scopes: [openid, profile, email, groups] }`,
    `kind: Role
name: engineer
spec: { scopes: [bench.call], members: [{ trustProvider: demo, groups: [engineering] }] }`,
    `kind: ClientRegistration
name: default
spec: { dynamic: { mode: open } }`,
    `kind: OutboundNetwork
name: default
spec: { allow: [{ host: 127.0.0.1, ports: [${ports}], http: true }] }`,
    `kind: AccessPolicy
name: engineers
spec: { hop: client-to-gateway, trustProviders: [demo], users: { trustProvider: demo, groups: [engineering] } }`,
    ...Array.from({ length: servers }, (_, index) => serverDocuments(index, upstream)).flat(),
    ...Array.from({ length: policies }, (_, index) => policyDocument(index, servers)),
  ];
  return `${documents.join('\n---\n')}\n`;
}

const nameOf = (index: number): string => `s${index}`;

function serverDocuments(index: number, upstream: string): string[] {
  const name = nameOf(index);
  return [
    `kind: McpServer
name: ${name}
spec: { url: "${upstream}", title: "Server ${index}" }`,
    `kind: CredentialProvider
name: ${name}-token
spec: { type: gateway-token, server: ${name}, lifetime: 5m }`,
  ];
}

/** The first policies, one per server, are the engineers'; the others are other people's. */
function policyDocument(index: number, servers: number): string {
  const server = nameOf(index % servers);
  const group = index < servers ? 'engineering' : `team-${index % 97}`;
  return `kind: AccessPolicy
name: p${index}
spec:
  hop: gateway-to-server
  server: ${server}
  users: { trustProvider: demo, groups: [${group}] }
  conditions: { maxAuthAge: 12h, hours: "Mon-Sun 00:00-24:00 Europe/Berlin" }
  when: '"engineer" in user.roles || tool.name.startsWith("t${index % 11}")'
  credentialProvider: ${server}-token
  tools: [{ match: ["*"], scope: bench.call }, { match: ["delete_*"], roles: [engineer] }]
  resources: [{ match: ["note://${index}/**"] }]`;
}
