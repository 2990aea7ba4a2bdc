import type { VerifyCause } from '@sallyport/admin-api';

/** What is seen with `--hardening`: nothing fails, and somebody could get further than they should. */
export const HARDENING_CAUSES = {
  public_url_without_tls: {
    means: 'A public URL is plain http beyond this machine: tokens travel readable.',
    fix: 'Give it TLS, at the process or at a proxy before it, and write https:// in the setting named.',
  },
  admin_token_exposed: {
    means: "Others than its owner can read the administrator token's file.",
    fix: 'chmod 600 the file of SALLYPORT_ADMIN_TOKEN_FILE, and write a new token if anybody else uses the machine.',
  },
  admin_token_old: {
    means: 'The administrator token was written more than 90 days ago.',
    fix: 'Write a new one into the file, and start the control plane again.',
  },
  key_file_exposed: {
    means: 'Others than its owner can read a file of private keys.',
    fix: 'chmod 600 the file; if anybody else uses the machine, make new keys.',
  },
  demo_provider: {
    means: 'A document uses the demonstration: its identity provider signs in whoever asks.',
    fix: 'Replace the TrustProvider by your own and take the servers of the demonstration out before users come.',
  },
  registration_open: {
    means: 'Any agent may register dynamically.',
    fix: 'Set `dynamic.mode` of ClientRegistration to `gated` or `off`.',
  },
  registration_of_any_document: {
    means: 'An agent with a metadata document on any host is let in.',
    fix: 'List the hosts you expect in `metadataDocuments.allowedHosts` of ClientRegistration.',
  },
  policy_for_everybody: {
    means: 'A policy names neither users nor agents, and has no condition: everybody who signs in is let through.',
    fix: 'Add `users`, `agents`, `conditions` or `when` to the policy, if not everybody is meant.',
  },
  policy_takes_unapproved_tools: {
    means: 'A policy lets tools be called whose definition nobody approved.',
    fix: 'Take `unapproved: allowed` out, and approve definitions with `PUT /v1/tool-definitions/approved/{server}`.',
  },
  outbound_network_wide: {
    means: 'OutboundNetwork allows a host on every port, or an address that hands out credentials of a cloud.',
    fix: 'Name `ports`, and take 169.254.169.254 and its like out.',
  },
  outbound_plain_http: {
    means: 'OutboundNetwork allows a host beyond this machine without TLS: credentials travel to it readable.',
    fix: 'Give the host TLS, and take `http: true` out.',
  },
  bus_without_users: {
    means: 'NATS takes this control plane without a key: whoever reaches it is let in, too.',
    fix: 'Make the configuration with deploy/nats/configure.mjs, and set SALLYPORT_NATS_SEED_FILE of every process.',
  },
  bus_permissions_wide: {
    means: 'The bus lets the control plane do what nobody may.',
    fix: 'Make the NATS configuration anew with deploy/nats/configure.mjs, and reload the server.',
  },
  bus_without_tls: {
    means: 'NATS is reached without TLS beyond this machine.',
    fix: 'Give it a certificate (`--tls-cert`, `--tls-key` of deploy/nats/configure.mjs) and write tls:// in NATS_URL.',
  },
  database_without_tls: {
    means: 'PostgreSQL is reached without TLS, or without checking its certificate, beyond this machine.',
    fix: 'Add `sslmode=verify-full` to DATABASE_URL.',
  },
  metrics_exposed: {
    means: 'The listener of health and metrics is open beyond this machine.',
    fix: 'Set SALLYPORT_HEALTH_HOST to an address that only probes and collectors reach, or close the port to others.',
  },
  vault_key_in_file: {
    means: 'The key that wraps the vault keys lies in a file of this machine.',
    fix: 'Let a KMS wrap them: docs/vault.md. Whoever has file and database has every credential.',
  },
  staleness_bound_long: {
    means: 'A gateway that is cut off may go on for longer than five minutes without knowing what was revoked.',
    fix: 'Set SALLYPORT_STALENESS_BOUND to 5m or less.',
  },
} satisfies Partial<Record<VerifyCause, { readonly means: string; readonly fix: string }>>;
