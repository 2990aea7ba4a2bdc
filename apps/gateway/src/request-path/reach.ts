import type { DocumentOf } from '@sallyport/configuration';
import type { JsonObject } from '@sallyport/mcp-relay';
import { abilitiesToward } from '../dialog/client-abilities.js';
import { readAnswer } from '../outbound/read-answer.js';
import { forward, timeoutOf } from '../outbound/forward.js';
import { listMethods } from '../outbound/catalogues.js';
import type { Entry, ListKind, ListOutcome, PageReader } from '../outbound/catalogues.js';
import { titleOf } from '../outbound/server-title.js';
import { originOf, withLease } from '../outbound/with-lease.js';
import type { Leased } from '../outbound/with-lease.js';
import type { CredentialLease, LeaseTarget } from '../outbound/credential-leases.js';
import type { Permit } from '@sallyport/policy';
import { sealRequestState } from '../session/request-state.js';
import type { Refusal } from './refusal.js';
import { answerRoom } from './request-path.js';
import type { Call } from './request-path.js';

export function leaseTarget(call: Call, server: DocumentOf<'McpServer'>): LeaseTarget {
  return {
    token: call.token,
    targetOrigin: originOf(server),
    documentsGeneration: call.documentsGeneration,
    revocations: call.snapshot.revocations,
  };
}

/** What one server offers this caller, from memory or read now, within the time a list may take. */
export async function readListing<K extends ListKind>(
  call: Call,
  permit: Permit,
  server: DocumentOf<'McpServer'>,
  kind: K,
  maxAgeMs?: number | 'ttl',
): Promise<Leased<ListOutcome<Entry<K>>>> {
  const { path, prefix } = call;
  const timeoutMs = Math.min(path.listTimeoutMs, timeoutOf(server));
  // Not the client's own signal: others may be waiting for the same listing. Made only when something is read.
  let signal: AbortSignal | undefined;
  // A server may show more to a client that can do more.
  const abilities = abilitiesToward(server, call.request.abilities);
  const variant = [...abilities].join();
  const pageReader = (lease: CredentialLease): PageReader =>
    Object.assign(
      async (params: JsonObject, maxMessageBytes: number) => {
        signal ??= AbortSignal.timeout(timeoutMs);
        const id = 1;
        const request = { id, method: listMethods[kind], params, meta: undefined };
        return await readAnswer(
          await forward(permit, lease, server, request, {
            channel: path.channel,
            clientInfo: path.identity,
            signal,
            timeoutMs,
            abilities,
            maxMessageBytes,
            room: answerRoom(path, call.caller.userId),
          }),
          id,
          lease,
        );
      },
      { variant },
    );
  return await withLease<ListOutcome<Entry<K>>>(path.leases, permit, leaseTarget(call, server), (lease) =>
    path.catalogues.list(kind, lease, prefix, pageReader(lease), maxAgeMs),
  );
}

/** Why there is no lease, as a refusal of this operation. */
export function leaseRefusal(
  call: Call,
  server: DocumentOf<'McpServer'>,
  outcome: Exclude<Leased<{ type: 'x' }>, { type: 'used' }>,
): Refusal {
  const title = titleOf(server);
  switch (outcome.type) {
    case 'connect_required':
      return {
        refused: 'connect-required',
        server: server.name,
        title,
        url: outcome.url,
        message: outcome.message,
        requestState: sealRequestState(
          call.path.sealer,
          call.caller,
          operationOf(call, server.name),
          { kind: 'connect' },
          call.now,
        ),
      };
    case 'provider_unavailable':
      return {
        refused: 'server-unavailable',
        title,
        reason: 'credential-unavailable',
        retryAfterSeconds: outcome.retryAfterSeconds,
      };
    case 'credential-rejected':
      return { refused: 'server-unavailable', title, reason: 'credential-rejected' };
    case 'refused':
      if (SCOPE_REFUSALS.has(outcome.reason)) return { refused: 'server-unavailable', title, reason: 'scopes-missing' };
      if (LEASE_TOKEN_REFUSALS.has(outcome.reason))
        return { refused: 'unauthenticated', reason: 'lease_unauthenticated' };
      return outcome.message === undefined
        ? { refused: 'denied' }
        : { refused: 'credential-refused', message: outcome.message };
  }
}

/** The server wants scopes that may not be asked for, or were asked for in vain (security rule S24). */
const SCOPE_REFUSALS = new Set(['scope_beyond_limit', 'step_up_failed']);

/** The control plane saw a revocation or an expiry before we did, or the identity provider wants the user to sign in again. */
const LEASE_TOKEN_REFUSALS = new Set([
  'sign_in_required',
  'revoked',
  'token_revoked',
  'expired',
  'token_invalid',
  'unauthenticated',
]);

/** What request state is bound to: the operation as the client names it. */
export function operationOf({ request: { method, operation } }: Call, server: string) {
  switch (operation.type) {
    case 'call':
    case 'prompt':
      return { server, method, subject: [operation.name, operation.arguments ?? {}] as const };
    case 'read':
      return { server, method, subject: [operation.uri, null] as const };
    default:
      return { server, method, subject: ['', null] as const };
  }
}
