/**
 * Documents as text: reads them, and says with the line what is wrong with them or will not do what its author expects.
 * This library reads no file and stores nothing, so that whoever writes the configuration checks it in the same way:
 * the control plane before a write, and the command line without one.
 */
export { checkDocument } from './check-document.js';
export { parseDeclaration } from './declaration.js';
export type { Declaration } from './declaration.js';
export { planChanges } from './plan/plan-changes.js';
export type { DesiredChanges, PlannedChanges } from './plan/plan-changes.js';
export { Plan } from './plan/plan.js';
export type {
  DocumentMetadata,
  DocumentReference,
  FieldChange,
  OwnershipConflict,
  PlannedChange,
  StoredDocument,
} from './plan/plan.js';
export { KINDS } from './plan/kind-order.js';
export { linesOfPlan } from './plan/lines-of-plan.js';
export type { LocateField, PlanLine } from './plan/lines-of-plan.js';
export { readDocuments } from './read-documents.js';
export type { Position } from './read-documents.js';
export { problemsOf } from './problems-of.js';
export type { Path, Problem } from './problems/check.js';
export type { DocumentProblem } from './problems-of.js';
export { secretSourcesOf } from './secret-sources.js';
export type { DocumentSecret } from './secret-sources.js';
export { warningsOf } from './warnings-of.js';
export type { DocumentWarning } from './warnings-of.js';
export { mergeIntoText } from './export/merge-into-text.js';
export { renderDocument, renderDocuments } from './export/render-documents.js';
export { schemaOf } from './schema-of.js';
