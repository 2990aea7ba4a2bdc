import type { Document } from '@sallyport/configuration';
import { z } from 'zod';
import type { Rights } from './change-request.js';

/** The part of an `Administrators` document that says who owns. */
const Owners = z.object({
  spec: z.object({ role: z.literal('owner'), members: z.array(z.unknown()), agents: z.array(z.unknown()) }),
});

/**
 * Who could administer no more after a change: everybody, where the last owner goes, or the writer alone. `undefined`
 * where nobody is locked out. Where there never was an owner, the administrator token is how one administers.
 */
export function lockedOut(
  before: readonly Document[],
  after: readonly Document[],
  rights: Rights,
): 'everybody' | 'writer' | undefined {
  if (hasOwner(before) && !hasOwner(after)) return 'everybody';
  return rights.isStillIn(before) && !rights.isStillIn(after) ? 'writer' : undefined;
}

function hasOwner(documents: readonly Document[]): boolean {
  return documents.some((document) => {
    if (document.kind !== 'Administrators') return false;
    const owners = Owners.safeParse(document).data;
    return owners !== undefined && owners.spec.members.length + owners.spec.agents.length > 0;
  });
}
