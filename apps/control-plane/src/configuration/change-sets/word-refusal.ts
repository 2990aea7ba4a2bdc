import { RequestRefused } from '@sallyport/http';
import type { ChangeRefusal, OwnedDocument } from './change-request.js';
import { namesOf } from './tell-of-change.js';

/** Words a refusal for whoever sent the change (RFC 9457), with what to do about it. */
export function wordRefusal(refusal: ChangeRefusal): RequestRefused {
  const { type: name } = refusal;
  switch (refusal.type) {
    case 'base-moved': {
      const detail = 'Documents changed since the revision this is based on. Look at what is there now and plan again.';
      return new RequestRefused({ status: 409, name, detail, members: { current: refusal.current } });
    }
    case 'precondition-failed': {
      const { document, revision } = refusal;
      const detail =
        revision === undefined
          ? `There is no ${document.kind} "${document.name}".`
          : `The ${document.kind} "${document.name}" is at revision ${revision}. Read it again.`;
      const members = revision === undefined ? {} : { revision };
      return new RequestRefused({ status: 412, name, detail, members });
    }
    case 'owned-elsewhere': {
      const documents = refusal.documents.slice(0, MAX_LISTED);
      const detail =
        `These belong to somebody else: ${ownersOf(refusal.documents)}. Change them where they are kept, ` +
        'or say that you take them over.';
      return new RequestRefused({ status: 409, name, detail, members: { documents } });
    }
    case 'invalid-documents': {
      const detail = 'The documents are not valid. Nothing was changed.';
      return new RequestRefused({
        status: 422,
        name,
        detail,
        members: { errors: refusal.errors.slice(0, MAX_LISTED) },
      });
    }
    case 'not-permitted': {
      const documents = refusal.documents.slice(0, MAX_LISTED);
      const detail = `You may not make this change. ${documents[0]?.message ?? ''}`.trim();
      return new RequestRefused({ status: 403, name, detail, members: { documents } });
    }
    case 'would-lock-out': {
      const detail =
        refusal.who === 'everybody'
          ? 'After this nobody would be an owner any more. Keep one, or force it: the administrator token stays.'
          : 'After this you could not administer any more. Somebody else may do it, or force it.';
      return new RequestRefused({ status: 409, name, detail, members: { who: refusal.who } });
    }
  }
}

/** Whose documents are: `set platform (Role/readers, McpServer/notes); by hand (Agent/deploy)`. */
function ownersOf(documents: readonly OwnedDocument[]): string {
  const bySet = Map.groupBy(documents, ({ set }) => (set === null ? 'by hand' : `set ${set}`));
  return [...bySet].map(([owner, owned]) => `${owner} (${namesOf(owned)})`).join('; ');
}

/** Of documents and of errors. */
const MAX_LISTED = 1_000;
