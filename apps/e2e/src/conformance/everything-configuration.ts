import type { DemoConfigurationUrls } from '@sallyport/demo';
import { DEMO_CLIENT_SECRET_VARIABLE } from '@sallyport/demo';

/** What an agent asks for to use the everything server. */
export const EVERYTHING_SCOPE = 'everything.use';

/** One server behind the gateway, without a prefix: the suite calls its tools by their own names. */
export function everythingConfiguration(everythingUrl: string, { identityProvider }: DemoConfigurationUrls): string {
  const ports = [identityProvider, everythingUrl].map((url) => new URL(url).port).join(', ');
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
---
kind: Role
name: tester
spec:
  scopes: [${EVERYTHING_SCOPE}]
  members: [{ trustProvider: demo, groups: [engineering] }]
---
kind: McpServer
name: everything
spec: { title: Everything, url: "${everythingUrl}", timeout: 30s }
---
kind: CredentialProvider
name: everything-token
spec: { type: gateway-token, server: everything, scopes: [${EVERYTHING_SCOPE}] }
---
kind: AccessPolicy
name: testers
spec: { hop: client-to-gateway, trustProviders: [demo], users: { trustProvider: demo, groups: [engineering] } }
---
kind: AccessPolicy
name: everything-for-testers
spec:
  hop: gateway-to-server
  server: everything
  users: { trustProvider: demo, groups: [engineering] }
  credentialProvider: everything-token
  tools: [{ match: ["*"], scope: ${EVERYTHING_SCOPE} }]
  resources: [{ match: ["test://**"], scope: ${EVERYTHING_SCOPE} }]
---
kind: ClientRegistration
name: default
spec:
  metadataDocuments: { enabled: true, allowedHosts: ["*"] }
  dynamic: { mode: open, redirectHosts: [127.0.0.1] }
---
kind: Gateway
name: default
spec: { toolPrefix: never }
---
kind: OutboundNetwork
name: default
spec:
  allow:
    - { host: 127.0.0.1, ports: [${ports}], http: true }
`;
}
