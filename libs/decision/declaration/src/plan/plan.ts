import type { Document } from '@sallyport/configuration';
import { z } from 'zod';

/** What is known of a stored document beside what it says. */
export interface DocumentMetadata {
  /** The named set that owns it; `null`: it was written by hand. */
  readonly set: string | null;
  /** Where it stands in its set, as `file:line`, if its writer said. */
  readonly origin: string | null;
  readonly revision: number;
  readonly changedAt: string;
  readonly changedBy: string;
}
export type StoredDocument = Document & { readonly metadata: DocumentMetadata };

export const DocumentReference = z.strictObject({ kind: z.string(), name: z.string() });
export type DocumentReference = z.infer<typeof DocumentReference>;

/** One field that changes. Only `after`: it is added. Only `before`: it is removed. */
export const FieldChange = z.strictObject({
  /** Into the document: `spec.tools.0.match`. In a list, the place of what is removed counts in the old list. */
  path: z.string(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  /** It refers to a secret. Without `before` and `after`, the secret itself changes, which is never shown. */
  secret: z.literal(true).optional(),
});
export type FieldChange = z.infer<typeof FieldChange>;

export const PlannedChange = z.strictObject({
  ...DocumentReference.shape,
  /** `take-over`: the document belongs to another owner until now. */
  action: z.enum(['create', 'update', 'delete', 'take-over']),
  /** Where it stands, as `file:line`. */
  origin: z.string().optional(),
  fields: z.array(FieldChange),
});
export type PlannedChange = z.infer<typeof PlannedChange>;

export const PlanWarning = z.strictObject({
  document: DocumentReference,
  /** Into the document: `spec.tools.0.scope`. */
  field: z.string(),
  message: z.string(),
});

/** What a change set would do to the documents of one revision. */
export const Plan = z.strictObject({
  base: z.strictObject({ epoch: z.string(), revision: z.int() }),
  set: z.string().nullable(),
  changes: z.array(PlannedChange),
  /** How many documents of the change set are stored as they are. */
  unchanged: z.int(),
  /** Documents of the set that the change set leaves out. They stay, because it does not prune. */
  left: z.array(DocumentReference),
  /** What will not do what its author expects, and was not so before. */
  warnings: z.array(PlanWarning),
});
export type Plan = z.infer<typeof Plan>;

/** A document that the change set may not touch: somebody else owns it. */
export interface OwnershipConflict extends DocumentReference {
  /** `null`: it was written by hand. */
  readonly owner: string | null;
  readonly origin?: string;
}
