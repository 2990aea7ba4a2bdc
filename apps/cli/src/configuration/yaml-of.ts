import type { Document } from '@sallyport/configuration';
import { stringify } from 'yaml';

/** One document as YAML: kind, name and spec, in this order. */
export const yamlOf = ({ kind, name, spec }: Pick<Document, 'kind' | 'name' | 'spec'>): string =>
  stringify({ kind, name, spec }, { lineWidth: 110, aliasDuplicateObjects: false });
