import type { Actor } from '@sallyport/admin-api';
import type { Document } from '@sallyport/configuration';
import type { Secret } from '@sallyport/kernel';
import type { Revision } from '../revision-log.js';

/** By which way a change came. */
export type ChangeSource = 'file' | 'secret files' | 'api' | 'approved tools' | 'revert';

export interface DocumentName {
  readonly kind: string;
  readonly name: string;
}

/** A document as somebody wants it. */
export interface Put {
  readonly document: Document;
  /** Where it stands in its set, e.g. `policies.yaml:12`. */
  readonly origin: string | null;
  /** Where it stands in the request, e.g. `/documents/3`: problems are told there. */
  readonly pointer: string;
}

/** One document as it is and as it shall be; `before` is absent where one is made, `after` where one goes. */
export interface DocumentChange {
  readonly before?: Document | undefined;
  readonly after?: Document | undefined;
}

/** What a writer may write. */
export interface Rights {
  /** Why the writer may not make this change; `undefined` where they may. */
  refusalOf(change: DocumentChange, stored: readonly Document[]): string | undefined;
  /** Whether the writer could still write with these documents in force. */
  isStillIn(after: readonly Document[]): boolean;
}

/** The declarative file's, and those of whoever holds the administrator token. */
export const ALL_RIGHTS: Rights = { refusalOf: () => undefined, isStillIn: () => true };

/** What a document must be like for the change to be made (RFC 9110 section 13). */
export interface Precondition extends DocumentName {
  readonly is: 'absent' | 'there' | { readonly revision: number };
}

/** Documents that take effect together, as somebody wants them. */
export interface ChangeRequest {
  readonly actor: Actor;
  readonly rights: Rights;
  readonly source: ChangeSource;
  /** The set of documents kept as code that these belong to; null: written by hand. */
  readonly set: string | null;
  /** The revision the writer looked at. The change is refused when documents changed since. */
  readonly base?: Revision | undefined;
  readonly precondition?: Precondition | undefined;
  readonly puts: readonly Put[];
  readonly deletes?: readonly DocumentName[];
  /** Whether documents of the set that are not among `puts` are deleted. */
  readonly prune?: boolean | undefined;
  /** Whether documents that belong to somebody else are changed, and belong to this writer from then on. */
  readonly takeOver?: boolean | undefined;
  /** Whether the change is made although it leaves nobody who administers, or not the writer. */
  readonly force?: boolean | undefined;
  /** What becomes of a document that belongs to somebody else: the change is refused, or the document left alone. */
  readonly others?: 'refuse' | 'leave';
  readonly note?: string | undefined;
  /** Values of secrets, by `<Kind>/<name>/<field>`. */
  readonly secrets: ReadonlyMap<string, Secret>;
}

export interface DocumentError {
  readonly pointer: string;
  readonly message: string;
  readonly kind?: string;
  readonly name?: string;
  readonly origin?: string;
}

export interface OwnedDocument extends DocumentName {
  /** null: written by hand */
  readonly set: string | null;
}

/** A document that the writer may not write, and why. */
export interface RefusedDocument extends DocumentName {
  readonly message: string;
}

/** Why a change is not made. Nothing of it is. */
export type ChangeRefusal =
  | { readonly type: 'base-moved'; readonly current: Revision }
  | { readonly type: 'precondition-failed'; readonly document: DocumentName; readonly revision: number | undefined }
  | { readonly type: 'owned-elsewhere'; readonly documents: readonly OwnedDocument[] }
  | { readonly type: 'invalid-documents'; readonly errors: readonly DocumentError[] }
  | { readonly type: 'not-permitted'; readonly documents: readonly RefusedDocument[] }
  | { readonly type: 'would-lock-out'; readonly who: 'everybody' | 'writer' };
