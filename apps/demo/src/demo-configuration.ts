/** The addresses of a demonstration, as `startDemo` returns them. */
export interface DemoConfigurationUrls {
  /** The identity provider's issuer. */
  readonly identityProvider: string;
  /** The MCP endpoints of the two servers. */
  readonly notes: string;
  readonly whoami: string;
}

export const defaultDemoUrls: DemoConfigurationUrls = {
  identityProvider: 'http://127.0.0.1:7403',
  notes: 'http://127.0.0.1:7410/mcp',
  whoami: 'http://127.0.0.1:7411/mcp',
};

/** The environment variable with our client secret at the identity provider. */
export const DEMO_CLIENT_SECRET_VARIABLE = 'SALLYPORT_DEMO_IDP_CLIENT_SECRET';

/** The configuration of the demonstration as YAML. `sallyport.yaml` at the root is this for the default ports. */
export function demoConfiguration(urls: DemoConfigurationUrls = defaultDemoUrls): string {
  const ports = [urls.identityProvider, urls.notes, urls.whoami].map((url) => new URL(url).port).join(', ');
  const host = new URL(urls.notes).hostname;
  return [
    INTRODUCTION + identityProvider(urls.identityProvider),
    ROLES,
    mcpServers(urls),
    CREDENTIAL_PROVIDERS,
    POLICIES,
    DEFAULTS,
    outboundNetwork(host, ports),
  ].join('---\n');
}

const INTRODUCTION = `\
# The configuration of Sallyport, in one file. It is read at every start: edit it and start again.
# Every document has a kind, a name and a spec. Their order does not matter. After a mistake Sallyport does not start,
# and says file, line, column and field. Nothing is allowed that no policy allows.

`;

const identityProvider = (issuer: string) => `\
# Where users sign in. Any OpenID provider works the same way: set its issuer, and register Sallyport there with the
# redirect URI http://127.0.0.1:7401/federation/<name of this document>/callback.
kind: TrustProvider
name: demo
spec:
  displayName: Demo identity provider
  issuer: ${issuer}
  clientId: sallyport
  # No secret is written here. Sallyport reads it from an environment variable ({ env: NAME }) or a file
  # ({ file: path }).
  clientSecret: { env: ${DEMO_CLIENT_SECRET_VARIABLE} }
  scopes: [openid, profile, email, groups]
  claims: { subject: sub, email: email, name: name, groups: groups }
`;

const ROLES = `\
# A role turns groups of an identity provider into scopes. A token has the scopes of its user's roles, and no others.
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
# Who administers Sallyport itself, through its API: with the command line, or as a pipeline. The roles are owner,
# credential-admin, policy-author, operator, auditor and viewer. None of them opens a server; no role above gives one.
kind: Administrators
name: owners
spec:
  role: owner
  members:
    - { trustProvider: demo, groups: [admins] }
`;

const mcpServers = ({ notes, whoami }: DemoConfigurationUrls) => `\
# The servers behind the gateway. The names of a server's tools begin with its name: notes__add_note.
kind: McpServer
name: notes
spec:
  title: Notes
  url: ${notes}
  timeout: 30s
---
kind: McpServer
name: whoami
spec:
  title: Who am I
  url: ${whoami}
  timeout: 30s
`;

const CREDENTIAL_PROVIDERS = `\
# Where the credentials for a server come from. mcp-user-oauth: each user connects their own account once, in the
# browser; Sallyport discovers everything else from the server's URL.
kind: CredentialProvider
name: notes-per-user
spec:
  type: mcp-user-oauth
  server: notes
---
# gateway-token: a short-lived token that Sallyport signs, for servers that trust it. No user has to connect anything.
kind: CredentialProvider
name: whoami-token
spec:
  type: gateway-token
  server: whoami
  scopes: [whoami.read]
  lifetime: 5m
`;

const POLICIES = `\
# The first hop: which users may use the gateway, through which agents.
kind: AccessPolicy
name: employees
spec:
  hop: client-to-gateway
  trustProviders: [demo]
  users: { trustProvider: demo, groups: [engineering, sales, admins] }
  # agents: { hosts: [claude.ai] }          # only agents whose client ID metadata document is on this host
  # conditions: { maxAuthAge: 12h }         # only sign-ins of the last twelve hours
---
# The second hop: which users may reach a server, with which credential, and which of its tools.
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
`;

const DEFAULTS = `\
# How agents introduce themselves: with a client ID metadata document at their own https address, or by registering
# here. Open registration suits a developer's machine; elsewhere use "gated" or "off". A sign-in may return to programs
# on this machine and to the callbacks of known agents (Claude, Cursor, VS Code, ChatGPT and others). Add more of them
# to redirectHosts: a host, or a whole URI.
kind: ClientRegistration
name: default
spec:
  metadataDocuments: { enabled: true, allowedHosts: ["*"] }
  dynamic: { mode: open, popularAgents: true, redirectHosts: [127.0.0.1, "[::1]", localhost] }
---
# How long access lasts. An access token lives an hour at most. A session ends when its agent does not use it for
# sessionIdle, and at the latest after session.
kind: AuthorizationServer
name: default
spec:
  lifetimes: { accessToken: 15m, sessionIdle: 14d, session: 90d }
  # Each key is published before it signs. Another algorithm (RS256, EdDSA) makes a new key at once.
  signingKeys: { algorithm: ES256, rotateEvery: 90d, publishAhead: 10m }
  # Requests a minute that one replica accepts. These are the defaults of some:
  # limits:
  #   authorize: { total: 6000, address: 600 }
  #   token: { total: 12000, address: 600 }
  #   register: { total: 1200, address: 120 }
  #   user: 600
  #   session: 120
---
kind: Gateway
name: default
spec:
  toolPrefix: server
`;

const outboundNetwork = (host: string, ports: string) => `\
# Sallyport calls public https addresses only. Other addresses must be listed here, such as the demonstration's servers.
kind: OutboundNetwork
name: default
spec:
  allow:
    - { host: ${host}, ports: [${ports}], http: true }
`;
