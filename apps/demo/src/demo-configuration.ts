/** Origins and endpoints of a demonstration, as `startDemo` returns them. */
export interface DemoConfigurationUrls {
  /** The identity provider's issuer. */
  readonly identityProvider: string;
  /** MCP endpoints. */
  readonly notes: string;
  readonly whoami: string;
}

export const defaultDemoUrls: DemoConfigurationUrls = {
  identityProvider: 'http://127.0.0.1:7403',
  notes: 'http://127.0.0.1:7410/mcp',
  whoami: 'http://127.0.0.1:7411/mcp',
};

/** Name of the environment variable the declarative file reads the identity provider's client secret from. */
export const DEMO_CLIENT_SECRET_VARIABLE = 'SALLYPORT_DEMO_IDP_CLIENT_SECRET';

/** The declarative configuration of the demonstration, in YAML. `sallyport.yaml` at the root is this for the default ports. */
export function demoConfiguration(urls: DemoConfigurationUrls = defaultDemoUrls): string {
  const ports = [urls.identityProvider, urls.notes, urls.whoami].map((url) => new URL(url).port).join(', ');
  const host = new URL(urls.notes).hostname;
  return `# What Sallyport allows, in one file. \`npm start\` reads it at every start: edit it and start again.
# Every document has a kind, a name and a spec; the order does not matter. A mistake stops the start with file, line and
# field. Without a policy that allows it, nothing is allowed.

# Where people sign in. Any OpenID provider works the same way: set its issuer, and register Sallyport there with the
# redirect URI http://127.0.0.1:7401/federation/<name of this document>/callback.
kind: TrustProvider
name: demo
spec:
  displayName: Demo identity provider
  issuer: ${urls.identityProvider}
  clientId: sallyport
  # Secrets are never written here: they are read from an environment variable ({ env: NAME }) or a file ({ file: path }).
  clientSecret: { env: ${DEMO_CLIENT_SECRET_VARIABLE} }
  scopes: [openid, profile, email, groups]
  claims: { subject: sub, email: email, name: name, groups: groups }
---
# Roles turn groups of a trust provider into scopes. A token carries the scopes of its user's roles, and no others.
kind: Role
name: developer
spec:
  scopes: [notes.read, notes.write, whoami.read]
  members:
    - { trustProvider: demo, groups: [engineering] }
---
kind: Role
name: reader
spec:
  scopes: [notes.read, whoami.read]
  members:
    - { trustProvider: demo, groups: [sales] }
---
kind: Role
name: admin
spec:
  scopes: [notes.read, notes.write, whoami.read]
  members:
    - { trustProvider: demo, groups: [admins] }
---
# The servers behind the gateway. The name becomes the prefix of the server's tools: notes__add_note.
kind: McpServer
name: notes
spec:
  title: Notes
  url: ${urls.notes}
  timeout: 30s
---
kind: McpServer
name: whoami
spec:
  title: Who am I
  url: ${urls.whoami}
  timeout: 30s
---
# How a server's credential for one user is had. mcp-user-oauth: each user connects an account of their own once, in the
# browser; everything else is discovered from the server's URL.
kind: CredentialProvider
name: notes-per-user
spec:
  type: mcp-user-oauth
  server: notes
---
# gateway-token: a short-lived token we sign ourselves, for servers that trust us. Nobody has to connect anything.
kind: CredentialProvider
name: whoami-token
spec:
  type: gateway-token
  server: whoami
  scopes: [whoami.read]
  lifetime: 5m
---
# First hop: who may use the gateway at all, through which agents.
kind: AccessPolicy
name: employees
spec:
  hop: client-to-gateway
  trustProviders: [demo]
  users: { trustProvider: demo, groups: [engineering, sales, admins] }
  # agents: { hosts: [claude.ai] }          # only agents whose client ID metadata document is on this host
  # conditions: { maxAuthAge: 12h }         # only sign-ins of the last twelve hours
---
# Second hop: who may reach one server, with which credential, and which of its tools.
kind: AccessPolicy
name: notes-for-employees
spec:
  hop: gateway-to-server
  server: notes
  users: { trustProvider: demo, groups: [engineering, sales, admins] }
  credentialProvider: notes-per-user
  tools:
    - { match: ["list_*", "search_*"], scope: notes.read }
    - { match: ["add_*", "delete_*"], scope: notes.write, roles: [developer, admin] }
  resources:
    - { match: ["note://**"], scope: notes.read }
---
kind: AccessPolicy
name: whoami-for-employees
spec:
  hop: gateway-to-server
  server: whoami
  users: { trustProvider: demo, groups: [engineering, sales, admins] }
  credentialProvider: whoami-token
  tools:
    - { match: [whoami], scope: whoami.read }
  resources:
    - { match: ["whoami://**"], scope: whoami.read }
---
# How agents introduce themselves: by a client ID metadata document at an https address of theirs, or by registering
# here. Open registration suits a developer's own machine; elsewhere use "gated" or "off". The redirect hosts are
# programs on this machine, VS Code's, and Cursor's URI scheme.
kind: ClientRegistration
name: default
spec:
  metadataDocuments: { enabled: true, allowedHosts: ["*"] }
  dynamic: { mode: open, redirectHosts: [127.0.0.1, "[::1]", localhost, "https://vscode.dev/redirect", "https://insiders.vscode.dev/redirect", "cursor://anysphere.cursor-mcp/oauth/callback"] }
---
# How long what an agent holds is good. An access token lives an hour at most; a session ends when no agent comes back for
# it, and in the end in any case.
kind: AuthorizationServer
name: default
spec:
  lifetimes: { accessToken: 15m, sessionIdle: 14d, session: 90d }
  # Each key is published before it signs. Another algorithm (RS256, EdDSA) begins with the next key, which is then made at once.
  signingKeys: { algorithm: ES256, rotateEvery: 90d, publishAhead: 10m }
  # How much one replica takes a minute, by agent, by user and altogether; what is not said here is generous.
  # limits: { authorize: { total: 6000, address: 600 }, token: { total: 12000, address: 600 }, register: { total: 1200, address: 120 }, user: 600, session: 120 }
---
kind: Gateway
name: default
spec:
  toolPrefix: server
---
# Sallyport calls public https addresses only. Anything else it may call is listed here: the demonstration's own servers.
kind: OutboundNetwork
name: default
spec:
  allow:
    - { host: ${host}, ports: [${ports}], http: true }
`;
}
