import { Document } from '@sallyport/configuration';

/** With its defaults, and nothing beside it. A document that is no longer valid stays as it is. */
export function normalised({ kind, name, spec }: Pick<Document, 'kind' | 'name' | 'spec'>): Document {
  const bare = { kind, name, spec } as Document;
  return Document.safeParse(bare).data ?? bare;
}
