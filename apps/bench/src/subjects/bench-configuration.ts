import { DEMO_CLIENT_SECRET_VARIABLE, type DemoConfigurationUrls } from '@sallyport/demo';
import { SERVERS_SCOPE } from '@sallyport/e2e';
import { pathOf, type BenchServer } from './subject.js';

export interface BenchConfiguration {
  readonly servers: readonly BenchServer[];
  /** Origin of the upstream. */
  readonly upstream: string;
  /** Policies that are for others, besides those that count: each names a group that nobody is in. */
  readonly furtherPolicies?: number;
}

/**
 * What the product is measured with: a policy with a condition at each of the two hops, a scope for each tool, and a
 * credential of its own for every user. Its last document is the list of the outbound network.
 */
export function benchConfiguration(
  { servers, upstream, furtherPolicies = 0 }: BenchConfiguration,
  { identityProvider }: DemoConfigurationUrls,
): string {
  const ports = [identityProvider, upstream].map((url) => new URL(url).port);
  const further = Array.from({ length: furtherPolicies }, (_, index) => {
    const server = servers[index % servers.length]?.name ?? '';
    return policyFor(server, `further-${index}`, `group-${index}`);
  });
  const documents = [
    `kind: TrustProvider
name: demo
spec:
  issuer: ${identityProvider}
  clientId: sallyport
  clientSecret: { env: ${DEMO_CLIENT_SECRET_VARIABLE} }
  scopes: [openid, profile, email, groups]
  claims: { subject: sub, email: email, name: name, groups: groups }`,
    `kind: Role
name: tester
spec: { scopes: [${SERVERS_SCOPE}], members: [{ trustProvider: demo, groups: [engineering] }] }`,
    `kind: AccessPolicy
name: testers
spec:
  hop: client-to-gateway
  trustProviders: [demo]
  users: { trustProvider: demo, groups: [engineering] }
  conditions: { maxAuthAge: 12h }`,
    ...servers.flatMap((server) => [
      `kind: McpServer\nname: ${server.name}\nspec: { url: "${upstream}${pathOf(server)}", timeout: 30s }`,
      `kind: CredentialProvider
name: ${server.name}-token
spec: { type: gateway-token, server: ${server.name}, scopes: [${SERVERS_SCOPE}] }`,
      policyFor(server.name, `${server.name}-for-testers`, 'engineering'),
    ]),
    ...further,
    `kind: ClientRegistration\nname: default\nspec: { dynamic: { mode: open, redirectHosts: [127.0.0.1] } }`,
    `kind: Gateway\nname: default\nspec: { toolPrefix: server }`,
    `kind: OutboundNetwork
name: default
spec:
  allow:
${ports.map((port) => `    - { host: 127.0.0.1, ports: [${port}], http: true }`).join('\n')}`,
  ];
  return `${documents.join('\n---\n')}\n`;
}

const policyFor = (server: string, name: string, group: string): string => `kind: AccessPolicy
name: ${name}
spec:
  hop: gateway-to-server
  server: ${server}
  users: { trustProvider: demo, groups: [${group}] }
  when: '"tester" in user.roles'
  credentialProvider: ${server}-token
  tools: [{ match: ["*"], scope: ${SERVERS_SCOPE} }]`;
