import type { DocumentOf } from '@sallyport/configuration';
import { SallyportError, durationSeconds } from '@sallyport/kernel';
import type { JsonSource } from '@sallyport/kernel/json';
import type {
  AnswerRoom,
  ChannelTarget,
  HearAnswer,
  JsonObject,
  ModernRequest,
  PostedRequest,
  RelayAnswer,
  RequestId,
  ServerChannel,
} from '@sallyport/mcp-relay';
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
  /** Members of `params` as the client wrote them, where that is known. */
  readonly texts?: Readonly<Record<string, string>> | undefined;
  readonly meta: JsonObject | undefined;
  /** In the place of the client's, where the call is traced. */
  readonly traceparent?: string | undefined;
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
  const { mayBeSilent, signal } = options;
  const target = { ...targetOf(permit, lease, server, options), mayBeSilent, signal };
  return options.channel.request(target, messageOf(request, options));
}

/** As `ForwardOptions`; the signal is asked for only where the answer is read as it comes. */
export type DirectOptions = Omit<ForwardOptions, 'signal' | 'mayBeSilent'> & { readonly signal: () => AbortSignal };

/**
 * The same for a request that can be sent at once.
 * @param hear hears the answer, once
 * @returns undefined when nothing was sent
 */
export function forwardDirectly(
  permit: Permit,
  lease: CredentialLease,
  server: DocumentOf<'McpServer'>,
  request: ServerRequest,
  options: DirectOptions,
  hear: HearAnswer,
): PostedRequest | undefined {
  const target = { ...targetOf(permit, lease, server, options), signal: options.signal };
  return options.channel.requestDirectly(target, messageOf(request, options), hear);
}

const urls = new WeakMap<DocumentOf<'McpServer'>, URL>();

/** Of one document always the same. */
export function urlOf(server: DocumentOf<'McpServer'>): URL {
  let url = urls.get(server);
  if (url === undefined) urls.set(server, (url = new URL(server.spec.url)));
  return url;
}

type TargetOptions = Pick<ForwardOptions, 'timeoutMs' | 'maxLargeBytes' | 'maxMessageBytes' | 'room'>;

/** @throws SallyportError `lease_mismatch` */
function targetOf(
  permit: Permit,
  lease: CredentialLease,
  server: DocumentOf<'McpServer'>,
  { timeoutMs, maxLargeBytes, maxMessageBytes, room }: TargetOptions,
): Omit<ChannelTarget, 'signal' | 'mayBeSilent'> {
  const url = urlOf(server);
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
  return {
    url,
    identity: lease.identity,
    credential: lease.credential(),
    idleTimeoutMs: timeoutMs ?? timeoutOf(server),
    maxLargeBytes,
    maxMessageBytes,
    room,
  };
}

const messageOf = (
  { id, method, params, texts, meta, traceparent, source, logLevel, name, parameterHeaders = {} }: ServerRequest,
  { clientInfo, abilities }: Pick<ForwardOptions, 'clientInfo' | 'abilities'>,
): ModernRequest => ({
  id,
  method,
  params,
  texts,
  meta,
  traceparent,
  source,
  logLevel,
  clientInfo,
  clientCapabilities: capabilitiesOf(abilities),
  name,
  parameterHeaders,
});
