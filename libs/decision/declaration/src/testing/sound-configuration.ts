/** YAML of a small configuration in which nothing is wrong and nothing is warned of. Nobody has the role `auditor`. */
export const SOUND = `
kind: TrustProvider
name: demo
spec: { issuer: https://idp.example, clientId: sallyport, clientSecret: { env: IDP_SECRET } }
---
kind: McpServer
name: notes
spec:
  url: https://notes.example/mcp
---
kind: McpServer
name: other
spec: { url: https://other.example/mcp }
---
kind: CredentialProvider
name: notes-user
spec: { type: mcp-user-oauth, server: notes }
---
kind: CredentialProvider
name: other-none
spec: { type: none, server: other }
---
kind: Role
name: writer
spec: { scopes: [notes.read], members: [{ trustProvider: demo, groups: [staff] }] }
---
kind: AccessPolicy
name: everybody
spec: { hop: client-to-gateway, trustProviders: [demo] }
---
kind: AccessPolicy
name: notes-policy
spec:
  hop: gateway-to-server
  server: notes
  credentialProvider: notes-user
  users: { roles: [writer] }
  conditions: { hours: "Mon-Fri 07:00-20:00 Europe/Berlin", sourceCidrs: [10.0.0.0/8], maxAuthAge: 12h }
  when: '"staff" in user.groups'
  tools:
    - { match: [get_*], scope: notes.read, roles: [writer] }
---
kind: Role
name: auditor
spec: { scopes: [notes.audit] }
---
kind: AccessPolicy
name: other-policy
spec: { hop: gateway-to-server, server: other, credentialProvider: other-none, tools: [{ match: [get_*] }] }
`;
