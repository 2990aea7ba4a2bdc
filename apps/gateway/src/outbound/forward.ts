import type { DocumentOf } from '@sallyport/configuration';
import { SallyportError, durationSeconds } from '@sallyport/kernel';
import type { JsonSource } from '@sallyport/kernel/json';
import type { AnswerRoom, JsonObject, RelayAnswer, RequestId, ServerChannel } from '@sallyport/mcp-relay';
import type { Permit } from '@sallyport/policy';
import { capabilitiesOf } from '../protocol/client-abilities.js';
import type { ClientAbilities } from '../protocol/client-abilities.js';
import type { CredentialLease } from './credential-leases.js';

/** What goes to a server: the values that were decided on, nothing of the client's beyond them (security rule S10). */
export interface ServerRequest {
  /** The client's message that they are of: they are sent in its words. */
  readonly source?: JsonSource | undefined;
  readonly id: RequestId;
  readonly method: string;
  readonly params: JsonObject;
  readonly meta: JsonObject | undefined;
  /** The least severe log messages wanted; none when absent. */
  readonly logLevel?: string | undefined;
  readonly name?: string | undefined;
  readonly parameterHeaders?: Readonly<Record<string, string>> | undefined;
}

export interface ForwardOptions {
  readonly channel: ServerChannel;
  readonly clientInfo: { readonly name: string; readonly version: string };
  /** Aborting it ends the call at the server too. */
  readonly signal: AbortSignal;
  readonly timeoutMs?: number | undefined;
  /** What the server may ask of this client: declared by it and allowed by policy (security rule S18). */
  readonly abilities: ClientAbilities;
  /** True while the server waits for an answer of ours: its silence is not held against it. */
  readonly mayBeSilent?: (() => boolean) | undefined;
  /** Where what is gathered of the answer counts. */
  readonly room: AnswerRoom;
  /** One message of the answer, where it may not be as large as others. */
  readonly maxMessageBytes?: number | undefined;
  /** The answer may be passed on in pieces, and then be this large. */
  readonly maxLargeBytes?: number | undefined;
}

/** How long a server may be silent, in milliseconds. */
export const timeoutOf = (server: DocumentOf<'McpServer'>): number =>
  (durationSeconds(server.spec.timeout) ?? 60) * 1000;

/**
 * The only way to a server: with a permit, and the credential leased for that permit. The agent's own token is not
 * among the parameters, and cannot be (R50).
 */
export function forward(
  permit: Permit,
  lease: CredentialLease,
  server: DocumentOf<'McpServer'>,
  request: ServerRequest,
  options: ForwardOptions,
): Promise<RelayAnswer> {
  const url = new URL(server.spec.url);
  if (
    server.name !== permit.server ||
    lease.server !== permit.server ||
    lease.userId !== permit.caller.userId ||
    lease.targetOrigin !== url.origin
  ) {
    throw new SallyportError(
      'lease_mismatch',
      'A credential was about to be used for something it was not leased for.',
    );
  }
  const target = {
    url,
    identity: lease.identity,
    credential: lease.credential(),
    idleTimeoutMs: options.timeoutMs ?? timeoutOf(server),
    mayBeSilent: options.mayBeSilent,
    maxLargeBytes: options.maxLargeBytes,
    maxMessageBytes: options.maxMessageBytes,
    room: options.room,
    signal: options.signal,
  };
  return options.channel.request(target, {
    id: request.id,
    method: request.method,
    params: request.params,
    meta: request.meta,
    source: request.source,
    logLevel: request.logLevel,
    clientInfo: options.clientInfo,
    clientCapabilities: capabilitiesOf(options.abilities),
    name: request.name,
    parameterHeaders: request.parameterHeaders ?? {},
  });
}
