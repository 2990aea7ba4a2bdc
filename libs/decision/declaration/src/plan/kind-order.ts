import { Document } from '@sallyport/configuration';
import type { DocumentReference } from './plan.js';

/** All kinds, in the order in which people read them: what is referred to stands before what refers to it. */
export const KINDS: readonly string[] = Document.options.map(({ shape }) => shape.kind.value);

const placeOf = new Map(KINDS.map((kind, place) => [kind, place]));

export const byKindAndName = (a: DocumentReference, b: DocumentReference): number =>
  (placeOf.get(a.kind) ?? KINDS.length) - (placeOf.get(b.kind) ?? KINDS.length) ||
  (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
