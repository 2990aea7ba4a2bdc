import type { DocumentOf } from '@sallyport/configuration';
import type { JsonObject } from '@sallyport/mcp-relay';
import type { Permit } from '@sallyport/policy';
import type { Catalogue } from '@sallyport/server';
import type { AtHand } from '../outbound/at-hand.js';
import type { Catalogues, Entry, Freshness, ListOutcome, PageReader } from '../outbound/catalogues.js';
import type { CredentialLease } from '../outbound/credential-leases.js';
import { timeoutOf } from '../outbound/forward.js';
import { readAnswer } from '../outbound/read-answer.js';
import type { ServerAccess } from '../outbound/server-access.js';
import type { Leased } from '../outbound/with-lease.js';
import { abilitiesToward } from '../protocol/client-abilities.js';
import { listMethods } from '../protocol/lists.js';
import type { ListKind } from '../protocol/lists.js';
import type { Call } from './call.js';
import { leaseTarget } from './lease-target.js';

/** Reads what one server offers this caller, from memory or anew. */
export type ReadListing = <K extends ListKind>(
  call: Call,
  permit: Permit,
  server: DocumentOf<'McpServer'>,
  kind: K,
  freshness?: Freshness,
) => Promise<Leased<ListOutcome<Entry<K>>>>;

/** What is remembered of one server's offer to this caller, where nothing has to be leased or read for it. */
export type ListingAtHand = <K extends ListKind>(
  call: Call,
  permit: Permit,
  server: DocumentOf<'McpServer'>,
  kind: K,
  maxAgeMs?: number,
) => AtHand<Catalogue<Entry<K>>> | undefined;

export const createListingAtHand =
  ({ servers, catalogues }: ReadListingUses): ListingAtHand =>
  (call, permit, server, kind, maxAgeMs) => {
    const lease = servers.leaseAtHand(permit, leaseTarget(call, server));
    const listing = lease && catalogues.atHand(kind, lease.value, call.naming, variantOf(call, server), maxAgeMs);
    return listing && { value: listing.value, isCurrent: () => lease.isCurrent() && listing.isCurrent() };
  };

/** A server may show more to a client that can do more. */
const variantOf = (call: Call, server: DocumentOf<'McpServer'>): string =>
  [...abilitiesToward(server, call.request.abilities)].join();

/** All pages of one listing together. */
const READING_MS = 5 * 60_000;

export interface ReadListingUses {
  readonly servers: ServerAccess;
  readonly catalogues: Catalogues;
}

export function createReadListing(uses: ReadListingUses): ReadListing {
  const { servers, catalogues } = uses;
  return async <K extends ListKind>(
    call: Call,
    permit: Permit,
    server: DocumentOf<'McpServer'>,
    kind: K,
    freshness?: Freshness,
  ) => {
    const timeoutMs = timeoutOf(server);
    let endsAt: number | undefined;
    const abilities = abilitiesToward(server, call.request.abilities);
    const variant = variantOf(call, server);
    const pageReader = (lease: CredentialLease): PageReader =>
      Object.assign(
        async (params: JsonObject, maxMessageBytes: number) => {
          endsAt ??= performance.now() + READING_MS;
          // Not the client's own signal: others may be waiting for the same listing.
          const work = new AbortController();
          const late = setTimeout(() => work.abort(), Math.min(timeoutMs, endsAt - performance.now()));
          const request = { id: 1, method: listMethods[kind], params, meta: undefined };
          const options = { signal: work.signal, timeoutMs, abilities, maxMessageBytes };
          try {
            return await readAnswer(await servers.forward(permit, lease, server, request, options), request.id, lease);
          } finally {
            clearTimeout(late);
          }
        },
        { variant },
      );
    return await servers.withLease<ListOutcome<Entry<K>>>(permit, leaseTarget(call, server), (lease) =>
      catalogues.list(kind, lease, call.naming, pageReader(lease), freshness),
    );
  };
}
