import { z } from 'zod';
import { Flag, Moment } from './fields.js';
import { route } from './route.js';

/** What went wrong, or might. Closed: `docs/verify.md` has a line for each, with its fix. */
export const VERIFY_CAUSES = [
  // An address that is called.
  'dns_failed',
  'connection_refused',
  'timed_out',
  'connection_broken',
  'tls_expired',
  'tls_unknown_authority',
  'tls_wrong_host',
  'tls_not_spoken',
  'outbound_blocked',
  'proxy_failed',
  'redirects',
  'server_error',
  'answers_slowly',
  'answer_unreadable',
  // What the processes stand on.
  'database_unreachable',
  'database_slow',
  'bus_unreachable',
  'queue_unreachable',
  'no_refresh_worker',
  'events_not_stored',
  'events_waiting',
  'configuration_not_published',
  'secret_missing',
  'secret_unreadable',
  // Processes.
  'no_gateway_running',
  'no_authorization_server_running',
  'replica_silent',
  'replica_behind',
  'replica_not_ready',
  'replica_degraded',
  'replica_key_wrong',
  'replica_without_configuration',
  'replica_configuration_stale',
  'issuer_keys_not_loaded',
  'event_spool_refuses',
  'events_not_shipped',
  'gateway_not_enrolled',
  'versions_differ',
  // Clocks.
  'clock_skewed',
  'clock_differs_from_database',
  'clock_differs_from_provider',
  // Our authorization server and our gateway, as agents see them.
  'metadata_missing',
  'issuer_mismatch',
  'keys_empty',
  'signing_key_missing',
  'signing_key_not_published',
  'sign_in_page_failed',
  'gateway_challenge_missing',
  'gateway_names_another',
  // Identity providers, credential providers, servers.
  'client_refused',
  'provider_paused',
  'provider_failing',
  'connecting_fails',
  'shared_account_missing',
  'server_without_metadata',
  'server_metadata_malformed',
  'server_resource_mismatch',
  'server_issuer_mismatch',
  'server_without_pkce',
  'server_needs_credential',
  'server_old_era',
  'server_not_mcp',
  // The way of a call.
  'no_server',
  'no_sign_in',
  'no_policy_for_agents',
  'no_policy_for_server',
  'policy_offers_nothing',
  // About the check itself.
  'out_of_time',
  'depends_on_another',
  'check_failed',
  // Hardening: how the deployment is set up.
  'public_url_without_tls',
  'admin_token_exposed',
  'admin_token_old',
  'key_file_exposed',
  'demo_provider',
  'registration_open',
  'registration_of_any_document',
  'policy_for_everybody',
  'policy_takes_unapproved_tools',
  'outbound_network_wide',
  'outbound_plain_http',
  'bus_without_users',
  'bus_permissions_wide',
  'bus_without_tls',
  'database_without_tls',
  'metrics_exposed',
  'vault_key_in_file',
  'staleness_bound_long',
] as const;
export const VerifyCause = z.enum(VERIFY_CAUSES);
export type VerifyCause = z.infer<typeof VerifyCause>;

/** What was looked at, and what came out. */
export const VerifyStep = z.object({
  /** Which check, e.g. `server`. */
  step: z.string(),
  /** What it looked at, e.g. `McpServer/github`. */
  subject: z.string(),
  status: z.enum(['passed', 'failed', 'warned', 'skipped']),
  /** `null` where the step passed. */
  cause: VerifyCause.nullable(),
  /** What was seen. */
  detail: z.string(),
  /** Whose move it is, and what that move is; `null` where the step passed. */
  fix: z.string().nullable(),
});
export type VerifyStep = z.infer<typeof VerifyStep>;

export const verifyRoutes = {
  verify: route({
    method: 'GET',
    path: '/v1/verify',
    permission: 'verify:run',
    summary:
      'Checks the deployment step by step, within 30 seconds: what its processes stand on, how agents see it, every ' +
      'provider and server. It changes nothing.',
    query: z.strictObject({
      /** Looks at how the deployment is set up instead. */
      hardening: Flag.optional(),
    }),
    answers: {
      200: z.object({
        at: Moment,
        tookMs: z.int(),
        counts: z.object({ passed: z.int(), failed: z.int(), warned: z.int(), skipped: z.int() }),
        /** Those that failed first, then those that warn. */
        steps: z.array(VerifyStep),
      }),
    },
  }),
};
