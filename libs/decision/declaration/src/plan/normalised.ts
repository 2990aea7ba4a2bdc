import { Document } from '@sallyport/configuration';

const known = new WeakMap<object, Document>();

/**
 * With its defaults, and nothing beside it. A document that is no longer valid stays as it is. Remembered by its spec,
 * which nobody changes: of thousands of stored documents a write changes few.
 */
export function normalised({ kind, name, spec }: Pick<Document, 'kind' | 'name' | 'spec'>): Document {
  const before = known.get(spec);
  if (before?.kind === kind && before.name === name) return before;
  const bare = { kind, name, spec } as Document;
  const document = Document.safeParse(bare).data ?? bare;
  known.set(spec, document);
  known.set(document.spec, document);
  return document;
}
