import { stringify } from 'yaml';
import { byKindAndName } from '../plan/kind-order.js';

/** A document as far as it is written; it need not be valid. */
export interface Written {
  readonly kind: string;
  readonly name: string;
  readonly spec: object;
}

/** One document as YAML: kind, name and spec, in this order. */
export const renderDocument = ({ kind, name, spec }: Written): string =>
  stringify({ kind, name, spec }, { lineWidth: 110, aliasDuplicateObjects: false });

/** The text of a new file: by kind, what is referred to first, then by name. */
export const renderDocuments = (documents: readonly Written[]): string =>
  documents.toSorted(byKindAndName).map(renderDocument).join('---\n');
