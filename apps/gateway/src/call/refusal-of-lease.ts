import type { DocumentOf } from '@sallyport/configuration';
import type { LeaseRefusal } from '@sallyport/messages';
import type { Leased } from '../outbound/with-lease.js';
import type { Refusal } from '../protocol/refusal.js';
import { titleOf } from '../protocol/server-title.js';
import { sealRequestState, statefulOperation } from '../session/request-state.js';
import type { StateSealer } from '../session/state-sealer.js';
import type { Call } from './call.js';

/** Refuses an operation for which there is no lease. */
export function refusalOfLease(
  sealer: StateSealer,
  call: Call,
  server: DocumentOf<'McpServer'>,
  outcome: Exclude<Leased<{ type: 'x' }>, { type: 'used' }>,
): Refusal {
  const title = titleOf(server);
  switch (outcome.type) {
    case 'connect_required':
      return {
        type: 'connect-required',
        server: server.name,
        title,
        url: outcome.url,
        message: outcome.message,
        requestState: sealRequestState(
          sealer,
          call.caller,
          statefulOperation(call.request, server.name),
          { kind: 'connect' },
          call.now,
        ),
      };
    case 'provider_unavailable':
      if (outcome.message !== undefined) return { type: 'credential-refused', message: outcome.message };
      return {
        type: 'server-unavailable',
        title,
        reason: 'credential-unavailable',
        retryAfterSeconds: outcome.retryAfterSeconds,
        why: outcome.why,
      };
    case 'credential-rejected':
      return { type: 'server-unavailable', title, reason: 'credential-rejected' };
    case 'token_refused':
      return { type: 'unauthenticated', reason: 'lease_unauthenticated' };
    case 'refused':
      return refusalFor(outcome, title);
  }
}

function refusalFor(
  { reason, message }: { readonly reason: LeaseRefusal; readonly message?: string | undefined },
  title: string,
): Refusal {
  switch (reason) {
    case 'scope_beyond_limit':
    case 'step_up_failed':
      return { type: 'server-unavailable', title, reason: 'scopes-missing' };
    case 'sign_in_required':
      return { type: 'unauthenticated', reason: 'lease_unauthenticated' };
    case 'no_client_to_gateway_policy':
    case 'no_gateway_to_server_policy':
    case 'tool_not_granted':
    case 'tool_not_approved':
    case 'resource_not_granted':
    case 'prompt_not_granted':
    case 'scope_not_entitled':
    case 'role_missing':
    case 'resource_uri_not_normal':
    case 'mfa_required':
    case 'authentication_too_old':
    case 'source_not_allowed':
    case 'outside_hours':
    case 'expression_false':
    case 'expression_failed':
    case 'expression_over_budget':
    case 'expression_number_inexact':
    case 'step_up':
    case 'target_origin':
    case 'credential_provider_unknown':
    case 'secret_missing':
    case 'secret_origin':
    case 'secret_malformed':
    case 'token_origin':
    case 'client_key_invalid':
    case 'client_certificate_origin':
    case 'client_certificate_missing':
    case 'client_certificate_invalid':
    case 'client_certificate_key_mismatch':
    case 'client_certificate_not_yet_valid':
    case 'client_certificate_expired':
    case 'signing_key_origin':
    case 'signing_key_missing':
    case 'signing_key_invalid':
    case 'assertion_refused':
    case 'cloud_role_refused':
    case 'cloud_identity_refused':
    case 'cloud_request_refused':
    case 'shared_account_not_connected':
    case 'shared_account_to_reconnect':
    case 'exchange_session':
    case 'exchange_trust_provider':
    case 'exchange_tokens_not_kept':
    case 'exchange_consent_required':
    case 'exchange_user_refused':
    case 'exchange_assertion_invalid':
      return message === undefined ? { type: 'denied' } : { type: 'credential-refused', message };
  }
}
