import { stringify } from 'yaml';

/** One document as YAML: kind, name and spec, in this order. */
export const yamlOf = ({ kind, name, spec }: { readonly kind: string; readonly name: string; readonly spec: object }) =>
  stringify({ kind, name, spec }, { lineWidth: 110, aliasDuplicateObjects: false });
