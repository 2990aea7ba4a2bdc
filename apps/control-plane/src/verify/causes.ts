import type { VerifyCause } from '@sallyport/admin-api';
import { HARDENING_CAUSES } from './hardening-causes.js';
import { remedyOf } from '../credentials/connect/connect-failure.js';

/** What a cause means, and whose move it is. */
export interface Explained {
  readonly means: string;
  readonly fix: string;
}

const GATEWAY_LOG = 'Its readiness (`/readyz`) has the reason in words, and its log the details.';
const WHOEVER_RUNS_IT = 'Whoever runs that address must mend it.';

/** Addresses that are called: of servers, providers and our own. */
const NETWORK = {
  dns_failed: {
    means: 'The name does not resolve here.',
    fix: 'Correct the host in the document or setting named, or add the name to the DNS that the control plane asks.',
  },
  connection_refused: {
    means: 'The name resolves, and nothing listens there, or a firewall refuses.',
    fix: 'Start what should listen there, correct the port, or open the way from the control plane to it.',
  },
  timed_out: {
    means: 'No answer came in time.',
    fix: 'See whether it runs and how busy it is; where nothing answers at all, a firewall drops the packets.',
  },
  connection_broken: {
    means: 'The connection broke off before an answer.',
    fix: `See the log of what listens there, and of a proxy in between. ${WHOEVER_RUNS_IT}`,
  },
  tls_expired: {
    means: 'Its certificate has expired, or begins later.',
    fix: `Renew its certificate. ${WHOEVER_RUNS_IT}`,
  },
  tls_unknown_authority: {
    means: 'Nobody we trust issued its certificate, or an intermediate certificate is not sent.',
    fix: 'Name the PEM file of your authority in SALLYPORT_CA_FILES of every process, or have the whole chain sent.',
  },
  tls_wrong_host: {
    means: 'Its certificate is for another name.',
    fix: 'Use the name that is in the certificate, or have a certificate issued for this one.',
  },
  tls_not_spoken: {
    means: 'What listens there does not speak TLS.',
    fix: 'Correct the port, or write http:// and allow that host with `http: true` in OutboundNetwork.',
  },
  outbound_blocked: {
    means: 'The outbound guard refuses the address: it is private, reserved, or not https.',
    fix: 'If the host is yours, add the line to `allow` of the OutboundNetwork document.',
  },
  proxy_failed: {
    means: 'The outbound proxy (HTTPS_PROXY, HTTP_PROXY) did not let the request pass.',
    fix: 'Allow the host at the proxy, or name it in NO_PROXY to call it directly.',
  },
  redirects: {
    means: 'It redirects; redirects are not followed, because a credential must not follow one.',
    fix: 'Write the address it redirects to, if that is the one that is meant.',
  },
  server_error: { means: 'It answers with a status of 500 or more.', fix: `See its log. ${WHOEVER_RUNS_IT}` },
  answers_slowly: { means: 'It answers, later than two seconds.', fix: `See how busy it is. ${WHOEVER_RUNS_IT}` },
  answer_unreadable: {
    means: 'Its answer is too large, or in a coding that is not known here.',
    fix: `See whether the address is the right one. ${WHOEVER_RUNS_IT}`,
  },
} satisfies Partial<Record<VerifyCause, Explained>>;

const FOUNDATION = {
  database_unreachable: {
    means: 'PostgreSQL does not answer the control plane.',
    fix:
      'See whether it runs, and whether DATABASE_URL names it. Sign-in, leases of stored credentials and this API ' +
      'need it.',
  },
  database_slow: {
    means: 'PostgreSQL takes longer than half a second.',
    fix: 'See its load, its disk and the network to it.',
  },
  bus_unreachable: {
    means: 'The control plane has no connection to NATS.',
    fix: 'See whether NATS runs, and whether NATS_URL and SALLYPORT_NATS_SEED_FILE of the control plane are right.',
  },
  queue_unreachable: {
    means: 'The refresh worker does not reach its job queue.',
    fix: 'See whether Redis runs, and whether REDIS_URL of the worker names it. Calls refresh on demand meanwhile.',
  },
  no_refresh_worker: {
    means: 'No refresh worker reports.',
    fix: 'Start one. Without it tokens are refreshed when a call needs them, which makes that call wait.',
  },
  events_not_stored: {
    means: 'The last events could not be stored.',
    fix: 'See the log of the control plane, and the disk of PostgreSQL. Events wait in the stream and at the gateways.',
  },
  events_waiting: {
    means: 'Many batches of events wait in the stream.',
    fix: 'See the load of PostgreSQL. When the stream is full, gateways keep events on their disks.',
  },
  configuration_not_published: {
    means: 'What is written does not get onto the bus.',
    fix: 'See the log of the control plane. Gateways refuse requests once their configuration is too old.',
  },
  secret_missing: {
    means: 'A document names a secret, and none is stored.',
    fix:
      'Set the variable or the file that the document names at the control plane and start it again, or write the ' +
      'secret through the API.',
  },
  secret_unreadable: {
    means: 'A stored secret cannot be opened with the vault keys this control plane has.',
    fix: 'Give it the master key file or KMS key that sealed it (SALLYPORT_MASTER_KEY_FILE), or write the secret anew.',
  },
} satisfies Partial<Record<VerifyCause, Explained>>;

const PROCESSES = {
  no_gateway_running: {
    means: 'No gateway reports on the bus.',
    fix:
      'Start one. If one runs: its NATS user may not publish reports, so make the NATS configuration anew ' +
      '(deploy/nats/README.md).',
  },
  no_authorization_server_running: {
    means: 'No authorization server reports on the bus.',
    fix: 'Start one. If one runs: make the NATS configuration anew (deploy/nats/README.md).',
  },
  replica_silent: {
    means: 'A process reported, and does not any more: it was killed, or is cut off from the bus.',
    fix:
      'Start it again, or mend its way to NATS. A gateway that is cut off refuses everything at its staleness ' +
      'bound.',
  },
  replica_behind: {
    means: 'A process does not apply the newest revision.',
    fix: 'Wait some seconds and verify again. If it stays, its log says why, under "configuration log".',
  },
  replica_not_ready: { means: 'A process serves nobody.', fix: GATEWAY_LOG },
  replica_degraded: { means: 'A process serves, and something of it fails.', fix: GATEWAY_LOG },
  replica_key_wrong: {
    means: 'What a process hears of the configuration is signed by another key than the one it pins.',
    fix:
      'Give it the public half of SALLYPORT_CONFIGURATION_SIGNING_KEY_FILE of the control plane as ' +
      'SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE.',
  },
  replica_without_configuration: {
    means: 'A process has no configuration yet.',
    fix:
      'Wait some seconds. If it stays, see whether its NATS user may read the configuration ' +
      '(deploy/nats/README.md).',
  },
  replica_configuration_stale: {
    means: 'The configuration of a process is older than its staleness bound: it refuses requests.',
    fix: 'See its way to NATS, and the clocks of both machines: a heartbeat that is a minute off is not taken.',
  },
  issuer_keys_not_loaded: {
    means: 'A gateway could not load the keys of the authorization server: it can verify no token.',
    fix: 'Correct SALLYPORT_ISSUER or SALLYPORT_JWKS_URL of the gateway, or open the way from it to that address.',
  },
  event_spool_refuses: {
    means: 'A gateway cannot record calls, and so refuses them.',
    fix: 'Free its disk, or give SALLYPORT_SPOOL_DIR room and rights.',
  },
  events_not_shipped: {
    means: 'The events of a gateway wait on its disk.',
    fix: 'See whether the stream SALLYPORT_EVENTS is full, and whether a control plane stores events.',
  },
  gateway_not_enrolled: {
    means: 'A gateway runs whose key the control plane does not have: it gets no leases.',
    fix:
      'Put its public key, `<replica>.pub.jwk`, into SALLYPORT_ENROLLED_GATEWAYS of the control plane, or correct ' +
      "the gateway's SALLYPORT_REPLICA.",
  },
  versions_differ: {
    means: 'Processes of several versions run.',
    fix: 'Finish the upgrade: the older ones do not know what newer documents say.',
  },
  clock_skewed: {
    means: "The clock of a process is more than 5 s from the control plane's.",
    fix: 'Synchronise the clock of its machine (NTP). Beyond 60 s tokens and heartbeats are refused.',
  },
  clock_differs_from_database: {
    means: "The control plane's clock is more than 5 s from PostgreSQL's.",
    fix: 'Synchronise the clocks of both machines (NTP); the detail says which is ahead.',
  },
  clock_differs_from_provider: {
    means: "The control plane's clock is more than 60 s from an identity provider's.",
    fix:
      "Synchronise our clock (NTP). If it is right, the provider's is wrong, and its operator must mend it: " +
      'sign-ins fail beyond the tolerance.',
  },
} satisfies Partial<Record<VerifyCause, Explained>>;

const OURS = {
  metadata_missing: {
    means: 'The metadata of an authorization server or gateway is not at its well-known address.',
    fix:
      'See whether the public URL leads to that process, and whether a proxy before it passes /.well-known/ and ' +
      'every path.',
  },
  issuer_mismatch: {
    means: 'The metadata names another issuer than the address it was found by.',
    fix:
      'Write the issuer exactly as the metadata has it: in SALLYPORT_ISSUER of every process, or in `issuer` of ' +
      'the TrustProvider.',
  },
  keys_empty: {
    means: 'The key set has no key that can verify a signature.',
    fix:
      'Whoever runs that issuer must publish its keys. At ours: see the log of the authorization server about ' +
      'signing keys.',
  },
  signing_key_missing: {
    means: 'The authorization server has no active key to sign with.',
    fix:
      'Start an authorization server, or see its log about signing keys; `POST /v1/signing-keys/rotations` makes ' +
      'new ones.',
  },
  signing_key_not_published: {
    means: 'The key that signs now is not in the published key set.',
    fix: 'See whether SALLYPORT_JWKS_URL leads to this authorization server and not to a cache or another deployment.',
  },
  sign_in_page_failed: {
    means: 'The authorization endpoint gives users no page.',
    fix: 'See the log of the authorization server, and whether a proxy before it passes /authorize.',
  },
  gateway_challenge_missing: {
    means:
      'A request without a token is not answered with 401 and the address of the metadata (RFC 9728): agents ' +
      'cannot find the sign-in.',
    fix:
      'See whether SALLYPORT_GATEWAY_URL leads to the gateway, and whether a proxy before it strips ' +
      'WWW-Authenticate.',
  },
  gateway_names_another: {
    means: 'The metadata of the gateway names another authorization server, or another resource.',
    fix: 'Set SALLYPORT_ISSUER and SALLYPORT_GATEWAY_URL of the gateway to the same values as everywhere else.',
  },
} satisfies Partial<Record<VerifyCause, Explained>>;

const OTHERS = {
  client_refused: {
    means: 'The provider does not know our client, or not with this secret or key: it may have expired.',
    fix: 'Make a new secret there, and write it in the document (`clientSecret`, `clientKey`, `client`).',
  },
  provider_paused: {
    means: 'A credential provider failed so often that it is asked by probes only.',
    fix: 'See its own words in the detail. It is asked again by itself; writing its document anew asks at once.',
  },
  provider_failing: {
    means: 'The last answers of a credential provider were none that could be used.',
    fix: 'See its own words in the detail, and `GET /v1/credential-providers`.',
  },
  connecting_fails: {
    means: 'The last user who connected an account there could not.',
    fix: '`GET /v1/credential-providers` has the remedy for the reason in the detail.',
  },
  shared_account_missing: {
    means: 'The account that all users share was not connected, or has to be connected again.',
    fix: 'Make a link with `POST /v1/shared-connections`, open it, and sign in at the provider.',
  },
  server_without_metadata: {
    means: 'The server asks for a token and does not say where to get one.',
    fix: remedyOf('no_metadata') ?? '',
  },
  server_metadata_malformed: {
    means: 'Its metadata, or that of its authorization server, cannot be used.',
    fix: `The detail names the field. ${WHOEVER_RUNS_IT}`,
  },
  server_resource_mismatch: {
    means: 'Its metadata is about another server.',
    fix: remedyOf('resource_mismatch') ?? '',
  },
  server_issuer_mismatch: {
    means: "Its authorization server's metadata names another issuer.",
    fix: remedyOf('issuer_mismatch') ?? '',
  },
  server_without_pkce: {
    means: 'Its authorization server does not list PKCE with S256.',
    fix: remedyOf('no_s256') ?? '',
  },
  server_needs_credential: {
    means: 'The server asks for a credential, and its provider has none.',
    fix: 'Give it a CredentialProvider of another type than `none`; `sallyport add URL` finds out which.',
  },
  server_old_era: {
    means: 'The server speaks a protocol revision from before 2026-07-28. The gateway converts; nothing fails.',
    fix: 'Nothing needs to be done. Its operator may upgrade it.',
  },
  server_not_mcp: {
    means: 'What answers there does not speak MCP over streamable HTTP.',
    fix: 'Correct `url` of the McpServer, path included. A server with the old HTTP+SSE transport must be upgraded.',
  },
  no_server: { means: 'There is no McpServer.', fix: 'Write one; `sallyport add URL` writes a first draft.' },
  no_sign_in: {
    means: 'There is no TrustProvider: nobody can sign in.',
    fix: 'Write one: docs/identity-providers.md.',
  },
  no_policy_for_agents: {
    means: 'No AccessPolicy of hop `client-to-gateway` lets any agent in.',
    fix: 'Write one: docs/policies.md.',
  },
  no_policy_for_server: {
    means: 'No AccessPolicy of hop `gateway-to-server` names the server: nobody reaches it.',
    fix: 'Write one with the credential provider to use: docs/policies.md.',
  },
  policy_offers_nothing: {
    means: 'No policy for the server names any tool, resource or prompt: its lists are empty.',
    fix: 'Name them in `tools`, `resources` or `prompts` of a policy.',
  },
  out_of_time: { means: 'The check ended before this step began.', fix: 'Mend what failed, and verify again.' },
  depends_on_another: {
    means: 'The step was left out: it could only repeat what another one says.',
    fix: 'Mend the step that the detail names, and verify again.',
  },
  check_failed: { means: 'The check itself failed.', fix: 'Report it, with the line in the log of the control plane.' },
} satisfies Partial<Record<VerifyCause, Explained>>;

const words: Readonly<Record<VerifyCause, Explained>> = {
  ...NETWORK,
  ...FOUNDATION,
  ...PROCESSES,
  ...OURS,
  ...OTHERS,
  ...HARDENING_CAUSES,
};

export const fixOf = (cause: VerifyCause): string => words[cause].fix;

/** For the page that lists them. */
export const CAUSES_BY_CHAPTER: readonly (readonly [string, Readonly<Partial<Record<VerifyCause, Explained>>>])[] = [
  ['Addresses', NETWORK],
  ['What the processes stand on', FOUNDATION],
  ['Processes and clocks', PROCESSES],
  ['Our own addresses', OURS],
  ['Providers, servers and the way of a call', OTHERS],
  ['Hardening', HARDENING_CAUSES],
];
