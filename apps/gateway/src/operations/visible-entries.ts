import { visible, visibleTemplate, type Caller, type CompiledPolicies } from '@sallyport/policy';
import type { Catalogue, CatalogueEntry } from '@sallyport/server';
import type { ListKind } from '../protocol/lists.js';

/** Resources are decided on as they are read, at this moment and from this network: none of that is remembered. */
export type DecidedKind = Exclude<ListKind, 'resources'>;

/** All that visibility depends on: policies, caller, listing. Each is a new object when anything in it changes. */
type ByListing = WeakMap<Catalogue, readonly CatalogueEntry[]>;
const remembered = new WeakMap<CompiledPolicies['set'], WeakMap<Caller, ByListing>>();

/**
 * The entries of a listing that this caller may know of (S15), in their order. Remembered for as long as policies,
 * caller and listing are the same objects, so that no other caller and no other policy is answered by it (S14): asking
 * again for 500 tools is a look-up, not 500 decisions.
 */
export function visibleEntries(
  policies: CompiledPolicies,
  caller: Caller,
  what: DecidedKind,
  listing: Catalogue,
): readonly CatalogueEntry[] {
  const callers = of(remembered, policies.set, () => new WeakMap<Caller, ByListing>());
  const listings: ByListing = of(callers, caller, () => new WeakMap());
  return of(listings, listing, () =>
    [...listing.entries.values()].filter((entry) => isVisible(policies, caller, listing.server, what, entry)),
  );
}

function of<K extends object, V>(map: WeakMap<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

export function isVisible(
  policies: CompiledPolicies,
  caller: Caller,
  server: string,
  what: DecidedKind,
  { name, definition }: { readonly name: string; readonly definition?: string | undefined },
): boolean {
  switch (what) {
    case 'tools':
      return visible(policies, caller, server, { type: 'tool', name, definition });
    case 'prompts':
      return visible(policies, caller, server, { type: 'prompt', name });
    case 'resourceTemplates':
      return visibleTemplate(policies, caller, server, name);
  }
}
