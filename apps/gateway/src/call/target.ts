import type { DocumentOf } from '@sallyport/configuration';
import type { Action, Permit } from '@sallyport/policy';
import type { ServerRequest } from '../outbound/forward.js';
import type { ClientAbilities } from '../protocol/client-abilities.js';
import type { Answer } from '../protocol/exchange.js';
import type { Refusal } from '../protocol/refusal.js';
import type { Call } from './call.js';

/** What a call asks of one server. Nothing is decided yet. */
export interface Target {
  readonly type: 'target';
  readonly server: DocumentOf<'McpServer'>;
  /** What policy decides on. */
  readonly action: Action;
  /** What the caller hears when policy says no. */
  readonly denied: Refusal;
  /** What the server is sent: known now, or only with the permit. */
  readonly request: ServerRequest | ((permit: Permit) => Promise<ServerRequest | Refusal>);
  /** The definition of the tool that is called, as agents see it. */
  readonly tool?: string | undefined;
  /** What of the client's abilities the call makes use of; all of them when absent. */
  readonly abilities?: ClientAbilities | undefined;
}

export const isTarget = (found: Answer | Refusal | Target): found is Target =>
  'type' in found && found.type === 'target';

/** The client's request under the server's own names: nothing of its params but these travels. */
export const requestOf = (
  { request: { id, method, meta, logLevel, source } }: Call,
  params: Record<string, unknown>,
): ServerRequest => ({ id, method, params, meta, logLevel, source });
