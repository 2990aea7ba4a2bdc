/**
 * What the gateway under measurement is configured with: one server, both hops, a scope per tool, a condition, a
 * derived credential.
 */
export function benchConfiguration({
  identityProvider,
  clientSecretVariable,
  upstream,
}: {
  identityProvider: string;
  clientSecretVariable: string;
  upstream: string;
}): string {
  const ports = [identityProvider, upstream].map((url) => new URL(url).port).join(', ');
  return `kind: TrustProvider
name: demo
spec:
  issuer: ${identityProvider}
  clientId: sallyport
  clientSecret: { env: ${clientSecretVariable} }
  scopes: [openid, profile, email, groups]
---
kind: Role
name: engineer
spec:
  scopes: [bench.call]
  members: [{ trustProvider: demo, groups: [engineering] }]
---
kind: McpServer
name: bench
spec: { url: "${upstream}" }
---
kind: CredentialProvider
name: bench-token
spec: { type: gateway-token, server: bench, lifetime: 5m }
---
kind: AccessPolicy
name: engineers
spec:
  hop: client-to-gateway
  trustProviders: [demo]
  users: { trustProvider: demo, groups: [engineering] }
  conditions: { maxAuthAge: 12h }
---
kind: AccessPolicy
name: bench-for-engineers
spec:
  hop: gateway-to-server
  server: bench
  users: { trustProvider: demo, groups: [engineering] }
  when: '"engineer" in user.roles'
  credentialProvider: bench-token
  tools: [{ match: ["*"], scope: bench.call }]
---
kind: ClientRegistration
name: default
spec: { dynamic: { mode: open } }
---
kind: OutboundNetwork
name: default
spec: { allow: [{ host: 127.0.0.1, ports: [${ports}], http: true }] }
`;
}
