import { visible } from '@sallyport/policy';
import type { DocumentOf } from '@sallyport/configuration';
import { connectToolName, serversThatMayOffer } from '@sallyport/server';
import type { Entry } from '../outbound/catalogues.js';
import { titleOf } from '../outbound/server-title.js';
import { decisionOn } from './decide-operation.js';
import { leaseRefusal, readListing } from './reach.js';
import type { Refusal } from './refusal.js';
import type { Call } from './request-path.js';

type NamedKind = 'tools' | 'prompts';
export type Resolved<K extends NamedKind> =
  | { readonly type: 'found'; readonly server: DocumentOf<'McpServer'>; readonly entry: Entry<K> }
  /** Our own tool of that server, or whatever it offers while its catalogue is unknown: first there must be a connection. */
  | { readonly type: 'connect'; readonly server: DocumentOf<'McpServer'> };

/** A name that was just not there may be new at the server: looked up again, unless the listing is this fresh. */
const FRESH_MS = 5_000;

/**
 * Finds the server and its own tool or prompt for a public name, by looking it up in the catalogue this caller sees; the
 * name is never split (security rule S12). Hidden, absent and unreachable by policy are one answer (S15).
 */
export async function resolveName<K extends NamedKind>(
  call: Call,
  kind: K,
  name: string,
): Promise<Resolved<K> | Refusal> {
  const unknown = unknownName(kind, name);
  for (const candidate of serversThatMayOffer(name, call.servers, call.prefix)) {
    const outcome = await lookUp(call, candidate, kind, name);
    if (!('refused' in outcome) || outcome.refused !== unknown.refused) return outcome;
  }
  return unknown;
}

async function lookUp<K extends NamedKind>(
  call: Call,
  serverName: string,
  kind: K,
  name: string,
): Promise<Resolved<K> | Refusal> {
  const unknown = unknownName(kind, name);
  const server = call.snapshot.get('McpServer', serverName);
  const decision = decisionOn(call, serverName, { type: kind === 'tools' ? 'list-tools' : 'list-prompts' });
  if (server === undefined || decision.outcome !== 'allow') return unknown;
  for (const maxAgeMs of [undefined, FRESH_MS]) {
    const reached = await readListing(call, decision.permit, server, kind, maxAgeMs);
    if (reached.type === 'connect_required') return { type: 'connect', server };
    if (reached.type !== 'used') return leaseRefusal(call, server, reached);
    if (reached.value.type === 'failed')
      return {
        refused: 'server-unavailable',
        title: titleOf(server),
        reason: reached.value.reason,
        retryAfterSeconds: reached.value.retryAfterSeconds,
        isUnsent: true,
      };
    const entry = reached.value.listing.entries.get(name);
    // A hidden one is looked up again as an absent one is: the time it takes must not tell them apart either (S15).
    if (
      entry !== undefined &&
      visible(call.policies, call.caller, serverName, {
        type: kind === 'tools' ? 'tool' : 'prompt',
        name: entry.name,
        ...('definition' in entry ? { definition: entry.definition } : {}),
      })
    )
      return { type: 'found', server, entry };
    // A retry of the connect tool arrives when the account is connected already.
    if (kind === 'tools' && name === connectToolName(serverName)) return { type: 'connect', server };
  }
  return unknown;
}

const unknownName = (kind: NamedKind, name: string): Refusal => ({
  refused: kind === 'tools' ? 'unknown-tool' : 'unknown-prompt',
  name,
});
