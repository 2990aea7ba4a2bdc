import type { AdminClient, StoredDocument } from '@sallyport/admin-api';

const PAGE = '1000';

/** Every document of the system, or of a set, by kind and name; `null` asks for those that no set owns. */
export async function readStored(api: AdminClient, set?: string | null): Promise<StoredDocument[]> {
  const which = set === undefined ? {} : set === null ? { byHand: 'true' as const } : { set };
  const documents: StoredDocument[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await api.listDocuments({ query: { ...which, limit: PAGE, cursor } });
    documents.push(...page.documents);
    if (page.next === null) return documents;
    cursor = page.next;
  }
}
