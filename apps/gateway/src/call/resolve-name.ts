import type { DocumentOf } from '@sallyport/configuration';
import { visible } from '@sallyport/policy';
import type { Offer } from '@sallyport/policy';
import { connectToolName, serversThatMayOffer } from '@sallyport/server';
import type { AtHand } from '../outbound/at-hand.js';
import { NAMES_GOOD_MS } from '../outbound/catalogues.js';
import type { Entry } from '../outbound/catalogues.js';
import { isRefusal } from '../protocol/refusal.js';
import type { Missing, Refusal } from '../protocol/refusal.js';
import { titleOf } from '../protocol/server-title.js';
import type { StateSealer } from '../session/state-sealer.js';
import type { Call } from './call.js';
import { decisionOn } from './decide-operation.js';
import { missingFor } from './missing-for.js';
import type { ListingAtHand, ReadListing } from './read-listing.js';
import { refusalOfLease } from './refusal-of-lease.js';

type NamedKind = 'tools' | 'prompts';
export type Resolved<K extends NamedKind> =
  | { readonly type: 'found'; readonly server: DocumentOf<'McpServer'>; readonly entry: Entry<K> }
  /** Our own tool of that server, or what it offers while its catalogue is unknown: first the user has to connect. */
  | { readonly type: 'connect'; readonly server: DocumentOf<'McpServer'> };

/** What is there under the name, and not for this caller. */
interface Hidden {
  readonly server: string;
  readonly offer: Offer;
}

/** A name that was just not there may be new at the server: looked up again, unless the listing is this fresh. */
const FRESH_MS = 5_000;

/**
 * How old a listing may be for a call: a minute, if not said. Where tools are approved, it says what a tool is now, and
 * an approval ends soon after the server changes it (S14); elsewhere it only says that the name is there.
 */
const goodFor = ({ snapshot }: Call, server: string): number | undefined =>
  snapshot.get('ApprovedTools', server) === undefined ? NAMES_GOOD_MS : undefined;

/**
 * Finds the server and its own tool or prompt for a public name, by looking it up in the catalogue this caller sees;
 * the name is never split (security rule S12). Hidden, absent and unreachable by policy are one answer (S15).
 */
export type ResolveName = <K extends NamedKind>(call: Call, kind: K, name: string) => Promise<Resolved<K> | Refusal>;

export interface ResolveNameUses {
  readonly readListing: ReadListing;
  readonly sealer: StateSealer;
  readonly observeMissing?: ObserveMissing | undefined;
}

/** Hears of each server whose share of a list is missing, or is there again; must not throw. */
export type ObserveMissing = (
  server: string,
  missing: (Missing & { /** For operators. */ readonly why?: string }) | undefined,
) => void;

export function createResolveName(uses: ResolveNameUses): ResolveName {
  return async (call, kind, name) => {
    const unknown = unknownName(kind, name);
    const hidden: Hidden[] = [];
    for (const candidate of serversThatMayOffer(name, call.servers, call.naming)) {
      const outcome = await lookUp(uses, call, candidate, kind, name, hidden);
      if (!isRefusal(outcome) || outcome.type !== unknown.type) return outcome;
    }
    if (hidden[0] !== undefined) noteHidden(call, hidden[0]);
    return unknown;
  };
}

export type Found<K extends NamedKind> = Extract<Resolved<K>, { type: 'found' }>;

/**
 * The same where all that it takes is remembered, and the first server that may have the name has it for this caller.
 * `undefined` says nothing: then the name has to be resolved.
 */
export type ResolveAtHand = <K extends NamedKind>(call: Call, kind: K, name: string) => AtHand<Found<K>> | undefined;

export const createResolveAtHand =
  (listingAtHand: ListingAtHand): ResolveAtHand =>
  (call, kind, name) => {
    const [serverName] = serversThatMayOffer(name, call.servers, call.naming);
    const server = serverName === undefined ? undefined : call.snapshot.get('McpServer', serverName);
    if (server === undefined) return undefined;
    const decision = decisionOn(call, server.name, { type: kind === 'tools' ? 'list-tools' : 'list-prompts' });
    if (decision.outcome !== 'allow') return undefined;
    const listing = listingAtHand(call, decision.permit, server, kind, goodFor(call, server.name));
    const entry = listing?.value.entries.get(name);
    return entry !== undefined && visible(call.policies, call.caller, server.name, offerOf(kind, entry))
      ? { value: { type: 'found', server, entry }, isCurrent: () => listing?.isCurrent() === true }
      : undefined;
  };

const offerOf = (kind: NamedKind, entry: Entry<NamedKind>): Offer => ({
  type: kind === 'tools' ? 'tool' : 'prompt',
  name: entry.name,
  ...('definition' in entry ? { definition: entry.definition } : {}),
});

async function lookUp<K extends NamedKind>(
  { readListing, sealer, observeMissing }: ResolveNameUses,
  call: Call,
  serverName: string,
  kind: K,
  name: string,
  hidden: Hidden[],
): Promise<Resolved<K> | Refusal> {
  const unknown = unknownName(kind, name);
  const server = call.snapshot.get('McpServer', serverName);
  const decision = decisionOn(call, serverName, { type: kind === 'tools' ? 'list-tools' : 'list-prompts' });
  if (server === undefined || decision.outcome !== 'allow') return unknown;
  for (const maxAgeMs of [goodFor(call, serverName), FRESH_MS]) {
    const reached = await readListing(call, decision.permit, server, kind, { maxAgeMs });
    if (reached.type === 'connect_required') return { type: 'connect', server };
    if (reached.type !== 'used') return refusalOfLease(sealer, call, server, reached);
    if (reached.value.type === 'failed') {
      observeMissing?.(serverName, {
        ...missingFor(reached.value),
        ...(reached.value.why === undefined ? {} : { why: reached.value.why }),
      });
      const { type: _type, challenge: _challenge, ...failure } = reached.value;
      return { type: 'server-unavailable', title: titleOf(server), ...failure, isUnsent: true };
    }
    // What was read before says nothing of whether it can be read now.
    if (reached.value.readAt >= call.now) observeMissing?.(serverName, undefined);
    const entry = reached.value.listing.entries.get(name);
    // A hidden one is looked up again as an absent one is: the time it takes must not tell them apart either (S15).
    if (entry !== undefined) {
      const offer = offerOf(kind, entry);
      if (visible(call.policies, call.caller, serverName, offer)) return { type: 'found', server, entry };
      hidden.push({ server: serverName, offer });
    }
    // A retry of the connect tool arrives when the account is connected already.
    if (kind === 'tools' && name === connectToolName(serverName, call.naming)) return { type: 'connect', server };
  }
  return unknown;
}

/**
 * The agent reads that it is unknown; the record says to an administrator that it is there, and why not for this
 * caller.
 */
function noteHidden(call: Call, { server, offer }: Hidden): void {
  const decision = decisionOn(call, server, offer);
  call.notes.target({ server, target: offer.name });
  call.notes.decided(decision);
  if (decision.outcome === 'deny') call.notes.because(decision.reason);
}

const unknownName = (kind: NamedKind, name: string): Refusal => ({
  type: kind === 'tools' ? 'unknown-tool' : 'unknown-prompt',
  name,
});
